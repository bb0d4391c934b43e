"""The dbt project as assets: groups are folders, keys are table names, flows carry timetable and diagram."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Failure,
    FreshnessPolicy,
    MaterializeResult,
    MetadataValue,
    asset,
)
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from dagster_project import materialization, report, tick
from dagster_project.dbt_runner import FAILED
from dagster_project.flows.diagram import svg
from dagster_project.flows.registry import Flow, load_flows
from dagster_project.flows.timetable import timetable
from dagster_project.ingest import OWNER, WRITER
from dagster_project.manifest import NIGHTLY
from dagster_project.nightly import build_models
from dagster_project.pairs import discover
from dagster_project.resources import Installation

WATCHED = {"profiles", "send_list", "outbox", "segment_memberships", "sends"}
"""Tables whose age somebody should hear of."""
TEST_WORDS = ["test", "--exclude", "test_type:unit"]
FRESH = FreshnessPolicy.time_window(fail_window=timedelta(hours=6), warn_window=timedelta(hours=2))
SEED_GROUP = "settings"
NIGHT = f"tag:{NIGHTLY}"
Materialized = Iterator[MaterializeResult[object]]


class Translator(DagsterDbtTranslator):  # type: ignore[misc]  # ships no types that mypy may follow
    """How a dbt node looks in Dagster: key = schema and table, group = folder, owner and flow from meta."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))
        self._flows = flows

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """`profiles/orders`, `raw_events/events`: what stands in SQL stands in the lineage."""
        return AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The topic that a marketer knows: reasoning about flows stands with the flows, not in a layer."""
        layer, *topics = dbt_resource_props["fqn"][1:-1] or [SEED_GROUP]
        return str(topics[0] if topics and layer != "staging" else layer)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Whoever the YAML names; the data team where nobody is named."""
        return [dbt_resource_props.get("meta", {}).get("owner", OWNER)]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The YAML's own words; the SQL is one click away in the repository."""
        return str(dbt_resource_props.get("description", "")).strip()

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> dict[str, Any]:
        """Columns as dbt knows them; a flow adds its timetable and its diagram."""
        metadata = dict(super().get_metadata(dbt_resource_props))
        flow = self._flows.get(dbt_resource_props["name"])
        if flow:
            metadata["timetable"] = MetadataValue.md(report.markdown_table(timetable(flow), most=100))
            metadata["diagram"] = MetadataValue.md(report.image(svg(flow), f"diagram of {flow.name}"))
        return metadata

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> AssetSpec:  # noqa: ANN401
        """The usual spec; tables that must not grow old get a freshness policy."""
        spec: AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        watched = spec.key.path[-1] in WATCHED
        return spec.replace_attributes(freshness_policy=FRESH) if watched else spec


def build_assets(installation: Installation) -> list[AssetsDefinition]:
    """All dbt models and seeds as two steps, parsed ahead, run in this process: the tick's and the night's.

    A successful run reports all of them: a view that it did not make again reads tables that it did, and
    is as fresh as they are.
    """
    settings = installation.settings
    manifest = json.loads(tick.dbt_project(settings).manifest_json().read_text(encoding="utf-8"))
    flows = {f"flow_{flow.name}": flow for flow in load_flows(settings)}
    families = [
        materialization.Family("flow", frozenset(discover(settings, "flow"))),
        materialization.Family("segment", frozenset(discover(settings, "segment"))),
    ]
    project: dict[str, Any] = {"manifest": manifest, "dagster_dbt_translator": Translator(flows)}

    @dbt_assets(**project, exclude=NIGHT, name="models", pool=WRITER)  # type: ignore[untyped-decorator]
    def models(context: AssetExecutionContext, installation: Installation) -> Materialized:
        with installation.open(context) as (warehouse, as_of):
            nodes = tick.transform(installation.settings, warehouse, as_of)
            details = materialization.shown(warehouse, lineage(models), families, nodes, as_of)
        yield from materialized(context, details)

    @dbt_assets(**project, select=NIGHT, name="nightly_models", pool=WRITER)  # type: ignore[untyped-decorator]
    def nightly_models(context: AssetExecutionContext, installation: Installation) -> Materialized:
        with installation.open(context) as (warehouse, as_of):
            nodes = build_models(installation.settings, warehouse, as_of)
            details = materialization.shown(warehouse, lineage(nightly_models), families, nodes, as_of)
        yield from materialized(context, details)

    return [models, nightly_models]


def materialized(context: AssetExecutionContext, details: Mapping[AssetKey, dict[str, Any]]) -> Materialized:
    """The selected assets, each after those that it is made from; a brief run reports what it made anew.

    Dagster stores two events for each, which takes longer than to make a view: who waits for the list should
    not wait for those.
    """
    is_brief = materialization.BRIEF.items() <= context.run.tags.items()
    for key, metadata in details.items():
        is_wanted = not is_brief or "seconds" in metadata or key.path[-1] in WATCHED
        if is_wanted and key in context.selected_asset_keys:
            yield MaterializeResult(asset_key=key, metadata=metadata)


@asset(key=["audits", "data_tests"], group_name="audits", owners=[OWNER], kinds={"dbt"}, pool=WRITER)
def data_tests(context: AssetExecutionContext, installation: Installation) -> MaterializeResult[object]:
    """Every data test of the dbt project, on all of the warehouse's history."""
    with installation.open(context) as (_, as_of):
        results = tick.dbt_project(installation.settings).command(TEST_WORDS, as_of)
    failed = [
        {"test": result.name, "message": result.message} for result in results if result.status in FAILED
    ]
    if failed:
        raise Failure(
            "data tests failed", metadata={"failed": MetadataValue.md(report.markdown_table(failed))}
        )
    return MaterializeResult(metadata={"tests": len(results)})


def lineage(assets: AssetsDefinition) -> dict[AssetKey, list[AssetKey]]:
    """What each asset is made from, each after those that it is made from."""
    parents = {spec.key: [dep.asset_key for dep in spec.deps] for spec in assets.specs}
    return {key: parents[key] for key in TopologicalSorter(parents).static_order() if key in parents}
