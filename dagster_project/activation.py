"""From the list to the people: circuit breakers, one asset per channel, then what came of it."""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset_check,
)

from dagster_project import checks, delivery, providers, report, tick
from dagster_project.ingest import OWNER, WRITER
from dagster_project.resources import Installation

GROUP = "delivery"
OUTBOX = AssetKey(["sends", "outbox"])
CHANNELS = {
    "email": (
        "emails",
        "E-mails handed to the mail server, once each, after a last look at exits and consent.",
    ),
    "sms": ("sms_messages", "Text messages handed to the SMS provider, through the same ledger."),
    "whatsapp": ("whatsapp_messages", "Approved templates handed to WhatsApp, to people who agreed to it."),
    "push": ("push_notifications", "Notifications to the devices that people registered."),
    "profile": ("profile_updates", "Traits that flows write to profiles."),
    "webhook": ("webhooks", "Calls to the systems that flows notify."),
}


@multi_asset_check(
    specs=[
        AssetCheckSpec(breaker.__name__, asset=OUTBOX, blocking=True, description=breaker.__doc__)
        for breaker in checks.BREAKERS
    ],
    name="circuit_breakers",
    pool=WRITER,
)
def circuit_breakers(
    context: AssetCheckExecutionContext, installation: Installation
) -> Iterator[AssetCheckResult]:
    """Nothing is sent while one of these objects; `millrace sends release --by NAME` lets a held list go."""
    with installation.open(context) as (warehouse, as_of):
        _, verdicts = tick.check(warehouse, as_of)
    for verdict in verdicts:
        severity = AssetCheckSeverity.ERROR if verdict.blocks else AssetCheckSeverity.WARN
        passed = verdict.severity == "ok"
        yield AssetCheckResult(
            passed=passed, check_name=verdict.check, severity=severity, description=verdict.reason
        )


def build_channel(channel: str, name: str, description: str) -> AssetsDefinition:
    """The asset that delivers one channel's share of the outbox."""

    @asset(
        key=[GROUP, name],
        group_name=GROUP,
        owners=["team:lifecycle"],
        kinds={channel},
        description=description,
        deps=[OUTBOX],
    )
    def messages(context: AssetExecutionContext, installation: Installation) -> MaterializeResult[object]:
        with installation.open(context) as (warehouse, as_of):
            due = delivery.read_due(installation.settings, warehouse, as_of, channel)
        count = due.count
        outcome = delivery.deliver_due(installation.settings, due, installation.clock(as_of))
        health = report.markdown_table(providers.health_table(installation.settings, channel))
        outcomes = MetadataValue.md(report.bars(outcome.counts))
        return MaterializeResult(
            metadata={"due": count, "outcomes": outcomes, "providers": MetadataValue.md(health)}
        )

    return messages


@asset(
    key=[GROUP, "results"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"duckdb"},
    deps=[AssetKey([GROUP, name]) for name, _ in CHANNELS.values()],
    pool=WRITER,
)
def results(installation: Installation) -> MaterializeResult[object]:
    """Outcomes of delivery, back from landing."""
    loaded = tick.take_results(installation.settings)
    tick.archive(installation.settings)
    return MaterializeResult(metadata={"files": loaded.files, "events": loaded.records})


@asset(
    key=[GROUP, "serving_snapshot"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"duckdb"},
    deps=[results],
    pool=WRITER,
)
def serving_snapshot(installation: Installation) -> MaterializeResult[object]:
    """The copy that dashboards and analysts read; last, because nothing waits for it."""
    tick.serve(installation.settings)
    size = installation.settings.serving_path.stat().st_size
    return MaterializeResult(metadata={"MiB": round(size / 2**20, 1)})


channels = [build_channel(channel, name, text) for channel, (name, text) in CHANNELS.items()]
assets = [*channels, results, serving_snapshot]
