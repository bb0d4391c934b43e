"""Measurement as assets: one for each experiment that a flow declares, one for credits of all journeys."""

from collections.abc import Iterator, Sequence

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    asset,
)

from dagster_project import report
from dagster_project.flows.registry import Flow, load_flows
from dagster_project.ingest import OWNER, WRITER
from dagster_project.measurement.decisions import MISMATCH_P_VALUE
from dagster_project.measurement.experiments import Experiment
from dagster_project.measurement.run import analyse_experiments, credit_paths
from dagster_project.measurement.targeting import rules
from dagster_project.resources import Installation

GROUP = "experiments"
TOTALS = AssetKey(["measurement", "experiment_totals"])
PATHS = AssetKey(["measurement", "attribution_paths"])
CHECKS = {
    "sizes_fit_shares": "The arms are as large as their shares say; otherwise the assignment is broken.",
    "alike_before": "The arms did not differ before the experiment; otherwise nothing that follows counts.",
}
SHOWN = """
select metric, arm, unit_count, mean, lift, sequential_low, sequential_high, chance_to_beat, warning
from measurement.experiment_results where experiment = ? order by decides desc, metric, arm
"""
ALLOCATIONS = AssetSpec(
    ["raw_measurement", "allocations"],
    group_name=GROUP,
    owners=[OWNER],
    description="One row per arm and moment at which a winner or a bandit changed its share.",
)
Results = Iterator[MaterializeResult[object] | AssetCheckResult]


def declared(flows: Sequence[Flow]) -> dict[str, Flow]:
    """Names of the experiments that flows declare, each with its flow: hold-outs and split steps."""
    found = {f"{flow.name}.hold_out": flow for flow in flows if flow.definition.hold_out}
    return found | {
        f"{flow.name}.{step.step}": flow for flow in flows for step in flow.definition.steps if step.ab_test
    }


def build_experiment(name: str, flow: Flow) -> AssetsDefinition:
    """The asset that analyses one experiment."""
    key = AssetKey([GROUP, *name.split(".")])

    @asset(
        key=key,
        group_name=GROUP,
        owners=[flow.owner],
        kinds={"python"},
        description=f"What {name} shows: lift of each arm, who has won, and whether it may be believed.",
        deps=[TOTALS],
        check_specs=[AssetCheckSpec(check, asset=key, description=text) for check, text in CHECKS.items()],
        pool=WRITER,
    )
    def experiment(context: AssetExecutionContext, installation: Installation) -> Results:
        with installation.open(context) as (warehouse, as_of):
            found = analyse_experiments(warehouse, as_of, [name])
            rows = warehouse.query(SHOWN, [name]).to_pylist() if found else []
            by_segment = [rule.shown() for rule in rules(warehouse.query, name)] if found else []
        yield MaterializeResult(
            asset_key=key,
            metadata={
                "participants": _count(found),
                "results": MetadataValue.md(report.markdown_table(rows)),
                "who should get which arm": MetadataValue.md(report.markdown_table(by_segment)),
            },
        )
        yield from _checks(key, found)

    return experiment


def _count(found: Sequence[Experiment]) -> int:
    return sum(arm.totals.count for one in found for arm in one.arms.values())


def _checks(key: AssetKey, found: Sequence[Experiment]) -> Iterator[AssetCheckResult]:
    """Both checks; they pass where nobody has taken part yet."""
    p_values = {
        "sizes_fit_shares": found[0].sample_ratio_p_value if found else 1.0,
        "alike_before": found[0].balance_p_value() if found else 1.0,
    }
    for check, p_value in p_values.items():
        yield AssetCheckResult(
            passed=p_value >= MISMATCH_P_VALUE,
            asset_key=key,
            check_name=check,
            severity=AssetCheckSeverity.WARN,
            metadata={"p_value": p_value},
        )


@asset(
    key=["raw_measurement", "credits"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python"},
    deps=[PATHS],
    pool=WRITER,
)
def path_credits(context: AssetExecutionContext, installation: Installation) -> MaterializeResult[object]:
    """What Markov and Shapley give to channels and flows; the mart `attribution` reads it."""
    with installation.open(context) as (warehouse, as_of):
        given = credit_paths(warehouse, as_of)
    tables = {
        dimension: MetadataValue.md(
            report.markdown_table(
                [{"model": one.model, "name": one.name, "revenue": one.cents / 100} for one in listed]
            )
        )
        for dimension, listed in given.items()
    }
    return MaterializeResult(metadata=tables)


def build_assets(installation: Installation) -> list[AssetsDefinition | AssetSpec]:
    """All of them, for the flows as they are now."""
    flows = load_flows(installation.settings)
    experiments = [build_experiment(name, flow) for name, flow in declared(flows).items()]
    analyses = AssetSpec(
        ["raw_measurement", "analyses"],
        deps=[one.key for one in experiments],
        group_name=GROUP,
        owners=[OWNER],
        description="One row per experiment, metric, arm and moment of analysis.",
    )
    return [path_credits, ALLOCATIONS, analyses, *experiments]
