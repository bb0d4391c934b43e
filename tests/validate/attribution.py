"""10,000 published channel paths: rules by our SQL, Markov and Shapley by our linear algebra."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from dagster_project.dbt_runner import DbtProject
from dagster_project.measurement.credits import credits_of, removal_effects
from dagster_project.measurement.paths import Paths
from dagster_project.settings import Settings
from dagster_project.warehouse import ensure_raw_tables, open_warehouse
from tests.validate.figures import SHARED, Effort, Figure

if TYPE_CHECKING:
    from dagster_project.warehouse import Warehouse

DEMO = SHARED / "attribution" / "channelattribution_demo_paths.csv"
REFERENCE = SHARED / "attribution" / "channelattribution_heuristics_reference.csv"
OF = "attribution demo paths"
AS_OF = datetime(2026, 3, 8)
UNIT = 10_000  # revenue is kept in hundredths; the demo's values have more places
MODELS = {"first_touch": "first_touch", "last_touch": "last_touch", "linear": "linear_touch"}
REMOVAL_EFFECTS = {
    # ChannelAttribution 2.2.5 on the same file: order 1, seed 7, 3 million simulated paths. It simulates (0.7 % by
    # its own account), we compute.
    "alpha": 0.559949,
    "iota": 0.407706,
    "eta": 0.349858,
    "beta": 0.267208,
    "theta": 0.206066,
    "lambda": 0.132598,
    "epsilon": 0.062349,
    "zeta": 0.039991,
    "kappa": 0.027828,
    "gamma": 0.017499,
    "delta": 0.000388,
    "mi": 0.000238,
}
SIMULATION_ERROR = 0.005
LOAD = """
create temp table journeys as
select
    row_number() over (order by path, has_order, copy) as number, steps, has_order,
    case when has_order then total_conversion_value / total_conversions * {unit} else 0 end as value
from (
    select *, string_split(path, ' > ') as steps, unnest([true, false]) as has_order
    from read_csv('{file}', header = true)
) as paths
cross join lateral unnest(
    range(case when has_order then total_conversions else total_null end)
) as copies (copy);
create temp table steps as
select
    number, has_order, channel, position, 'j' || number as profile_id,
    'm' || number || '-' || position as message_id,
    timestamp '2026-03-01' + to_seconds(position) as moment
from journeys cross join lateral unnest(steps) with ordinality as step (channel, position);
insert into intermediate.int_identifier_profiles (identifier_id, profile_id, seen_at)
select 'j' || number, 'j' || number, timestamp '2026-03-02' from journeys;
insert into intermediate.int_orders (order_id, identifier_id, ordered_at, revenue, refunded, seen_at)
select 'o' || number, 'j' || number, timestamp '2026-03-02', value, 0, timestamp '2026-03-02'
from journeys where has_order;
insert into sends.message_events (event_id, message_id, profile_id, channel, event, occurred_at, is_machine, seen_at)
select message_id, message_id, profile_id, channel, 'clicked', moment, false, timestamp '2026-03-02'
from steps where has_order;
insert into sends.sends (message_id, profile_id, channel, status, sent_at, clicked_at, seen_at)
select message_id, profile_id, channel, 'sent', moment, moment, timestamp '2026-03-02' from steps
"""
CREDITED = """
select credited.model, sends.channel, cast(sum(credited.credit) as double), cast(sum(credited.revenue) as double)
from measurement.attributed_orders as credited inner join sends.sends on credited.message_id = sends.message_id
group by all
"""
READ_PATHS = """
select path, conversion_count, cast(revenue as double) as revenue, null_count
from measurement.attribution_paths where dimension = 'channel'
"""


def load_demo(warehouse: Warehouse) -> None:
    """Each journey of the file as a person with clicked messages, and with an order where one came."""
    with warehouse:
        for statement in LOAD.format(file=DEMO, unit=UNIT).split(";\n"):
            warehouse.execute(statement)


def rule_figures(warehouse: Warehouse) -> Iterator[Figure]:
    """First, last and linear credit of each channel, from `attributed_orders`."""
    rows = [tuple(row.values()) for row in warehouse.query(CREDITED).to_pylist()]
    ours = {(model, channel): (orders, revenue / UNIT) for model, channel, orders, revenue in rows}
    for channel, published in reference().items():
        for model, column in MODELS.items():
            orders, value = ours[model, channel]
            expected = float(published[f"{column}_conversions"]), float(published[f"{column}_value"])
            yield Figure(OF, f"{model}, {channel}, orders", orders, expected[0], 0.01, "package mta")
            yield Figure(OF, f"{model}, {channel}, value", value, expected[1], 0.02, "package mta")


def path_figures(warehouse: Warehouse) -> Iterator[Figure]:
    """Removal effects, and that all credits add up, from `attribution_paths`."""
    paths = Paths.from_table(warehouse.query(READ_PATHS))
    effects = dict(zip(paths.channels, removal_effects(paths, paths.conversions), strict=True))
    for channel, expected in REMOVAL_EFFECTS.items():
        name = f"markov, removal effect of {channel}"
        yield Figure(OF, name, effects[channel], expected, SIMULATION_ERROR, "ChannelAttribution")
    whole = sum(float(row["first_touch_conversions"]) for row in reference().values())
    for model in ("markov", "shapley"):
        ours = sum(credit.conversions for credit in credits_of(paths) if credit.model == model)
        yield Figure(OF, f"{model}, sum of orders", ours, whole, 1e-6, "package mta")


def figures(effort: Effort) -> Iterator[Figure]:
    """All of them, in a warehouse of their own."""
    settings = Settings.under(effort.scratch / "attribution")
    settings.home.mkdir(parents=True)
    warehouse, project = open_warehouse(settings), DbtProject(settings)
    ensure_raw_tables(warehouse)
    empty = datetime(2026, 1, 1)
    project.build(empty, command="seed")
    project.build(empty, ["+attribution_paths"])
    load_demo(warehouse)
    project.build(AS_OF, ["attributed_orders"])
    yield from rule_figures(warehouse)
    yield from path_figures(warehouse)


def reference() -> Mapping[str, Mapping[str, str]]:
    """Published rows by channel."""
    with REFERENCE.open(newline="") as lines:
        return {row["channel_name"]: row for row in csv.DictReader(lines)}
