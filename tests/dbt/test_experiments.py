"""Experiments from the ledger to a decision, on the real models."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dagster_project.flows.compile import write_flows
from dagster_project.flows.registry import parse_flow
from dagster_project.measurement.allocation import settle
from dagster_project.measurement.experiments import analyse, read_experiments, write_analyses

START = datetime(2026, 3, 1)
FLOW = """
models:
  - name: flow_news
    config:
      meta:
        owner: team:tests
        flow:
          kind: campaign
          goal: {signal: ordered, within: 5 days}
          hold_out: 20%
          steps:
            - step: news
              send: email/news
              ab_test: {plain: 50%, urgent: VARIANT}
              END
"""
WINNER = "winner: {by: clicked, after: 4 hours, sample: 20%}"
BANDIT = "bandit: {by: clicked}"
ENTRIES = """
    create temp table entries as
    select
        number, 'p' || number as profile_id, number % 5 = 0 as held_out,
        timestamp '2026-03-01' + to_seconds(number) as moment,
        case number % 2 when 0 then 'plain' else 'urgent' end as arm,
        hash(number * 7 + {luck}) % 100 < case number % 2 when 0 then {plain} else {urgent} end as clicks,
    from range({people}) as numbers (number);
    insert into intermediate.int_identifier_profiles (identifier_id, profile_id)
    select profile_id, profile_id from entries;
    insert into intermediate.int_flow_log (flow, flow_version, flow_kind, entry_id, profile_id, entered_at,
        held_out, kind, step, arm, variant, outcome, logged_at)
    select 'news', '{version}', 'campaign', profile_id, profile_id, moment, held_out, 'entered', null, null,
        null, null, moment from entries
    union all
    select 'news', '{version}', 'campaign', profile_id, profile_id, moment, held_out, 'decided', 'news', arm,
        arm, case when held_out then 'held_out' else 'message' end, moment from entries;
    insert into sends.sends (message_id, flow, step, entry_id, profile_id, channel, status, decided_at, sent_at,
        clicked_at)
    select profile_id, 'news', 'news', profile_id, profile_id, 'email', 'sent', moment, moment,
        case when clicks then moment end from entries where not held_out;
    insert into intermediate.int_event_signals (signal_id, identifier_id, signal, occurred_at)
    select profile_id, profile_id, 'ordered', moment + to_hours(1) from entries where clicks and not held_out;
    insert into intermediate.int_orders (order_id, identifier_id, ordered_at, revenue)
    select profile_id, profile_id, moment + to_hours(1), 30 from entries where clicks and not held_out
    union all
    select 'before_' || profile_id, profile_id, moment - to_days(9), number % 7 from entries;
"""


@pytest.fixture
def play(built_shop):
    """A campaign among so many people, with so many clicks of a hundred by variant; gives the shop."""

    def play(
        end: str,
        *,
        people: int = 2000,
        plain: int = 10,
        urgent: int = 30,
        luck: int = 0,
        variant: str = "50%",
    ):
        flow = parse_flow("flow_news", FLOW.replace("VARIANT", variant).replace("END", end), "flow_news.yml")
        with built_shop.warehouse:
            write_flows(built_shop.warehouse, [flow], START)
            said = ENTRIES.format(people=people, plain=plain, urgent=urgent, version=flow.version, luck=luck)
            for statement in said.split(";\n"):
                if statement.strip():
                    built_shop.warehouse.execute(statement)
        return built_shop

    return play


def shares(shop) -> dict[str, tuple[float, float]]:
    return {
        arm: (share_from, share_to)
        for arm, share_from, share_to in shop.rows(
            "select arm, share_from, share_to from staging.stg_measurement__allocations order by arm"
        )
    }


def test_the_winner_goes_to_the_rest_when_its_time_has_come_and_not_before(play):
    shop = play(WINNER)
    assert settle(shop.warehouse, START + timedelta(hours=3)) == []
    assert settle(shop.warehouse, START + timedelta(hours=5))
    assert shares(shop) == {"plain": (0.0, 0.0), "urgent": (0.0, 1.0)}
    assert settle(shop.warehouse, START + timedelta(hours=6)) == [], "decided once"


def test_without_a_clear_difference_the_rest_gets_the_fallback(play):
    shop = play(WINNER, plain=20, urgent=20, luck=1)
    settle(shop.warehouse, START + timedelta(hours=5))
    assert shares(shop) == {"plain": (0.0, 1.0), "urgent": (0.0, 0.0)}
    assert {row[0] for row in shop.rows("select reason from raw_measurement.allocations")} == {
        "no winner: no clear difference"
    }


def test_who_does_better_but_is_returned_more_often_does_not_win(play):
    shop = play(WINNER)
    shop.warehouse.execute("update sends.sends set bounced_at = sent_at where profile_id like '%1'")
    settle(shop.warehouse, START + timedelta(hours=5))
    assert shares(shop) == {"plain": (0.0, 1.0), "urgent": (0.0, 0.0)}
    assert {row[0] for row in shop.rows("select reason from raw_measurement.allocations")} == {
        "no winner: better, but a guardrail is worse: urgent"
    }


def test_send_times_are_compared_after_the_same_time_since_each_send(play):
    shop = play(WINNER, plain=30, urgent=30, variant="{share: 50%, wait: 10 hours}")
    is_early = "profile_id[-1] in ('2', '4', '6', '8')"
    shop.warehouse.execute(f"update sends.sends set clicked_at = clicked_at + to_hours(8) where {is_early}")
    shop.warehouse.execute(f"""
        update sends.sends set sent_at = sent_at + to_hours(10), clicked_at = clicked_at + to_hours(13)
        where not {is_early}""")

    def knows(hours: int) -> None:
        shop.warehouse.execute(
            "insert into intermediate.complete_runs values (?)", [START + timedelta(hours=hours)]
        )

    knows(13)
    assert read_experiments(shop.warehouse, "news.news") == [], (
        "the late variant has been watched for 3 hours"
    )
    assert settle(shop.warehouse, START + timedelta(hours=15)) == []
    knows(16)
    (experiment,) = read_experiments(shop.warehouse, "news.news")
    clicks = {
        arm.name: (arm.totals.count, arm.totals.value) for arm in experiment.metrics["clicked"].values()
    }
    assert clicks["plain"] == (800, 0), "after 8 hours, twice as long as is counted"
    assert clicks["urgent"][1] > 200
    settle(shop.warehouse, START + timedelta(hours=16))
    assert shares(shop) == {"plain": (0.0, 0.0), "urgent": (0.0, 1.0)}


def test_who_is_not_reached_by_a_channel_counts_against_it(play):
    shop = play(WINNER, plain=20, urgent=30, variant="{share: 50%, send: push/news}")
    shop.warehouse.execute(
        "delete from sends.sends where profile_id[-1] in ('1', '3') or profile_id like '%17'"
    )
    (experiment,) = read_experiments(shop.warehouse, "news.news")
    assert {arm.totals.count for arm in experiment.metrics["clicked"].values()} == {800}
    assert experiment.lifts("clicked")["urgent"].plain_lift < 0


def test_too_few_to_say_is_no_winner_and_nobody_waits_for_ever(play):
    shop = play(WINNER, people=40, plain=0, urgent=100)
    settle(shop.warehouse, START + timedelta(hours=5))
    assert shares(shop)["plain"] == (0.0, 1.0)


def test_who_comes_after_the_decision_is_no_part_of_the_experiment(play):
    shop = play(WINNER)
    settle(shop.warehouse, START + timedelta(minutes=20))
    assert shares(shop) == {}
    shop.warehouse.execute(
        "insert into raw_measurement.allocations select 'news', 'news', arm, share_from, share_to, 0, 1, 'winner', '', ? "
        "from raw_flows.flow_arms where variant is not null",
        [START + timedelta(minutes=10)],
    )
    (experiment,) = read_experiments(shop.warehouse, "news.news")
    assert sum(arm.totals.count for arm in experiment.arms.values()) == 480, "of the first 600 people"


def test_a_bandit_moves_once_a_day_towards_what_works_and_keeps_every_arm(play):
    shop = play(BANDIT)
    settle(shop.warehouse, START + timedelta(hours=5))
    moved = shares(shop)
    assert moved == {"plain": (0.0, pytest.approx(0.05)), "urgent": (pytest.approx(0.05), 1.0)}
    assert settle(shop.warehouse, START + timedelta(hours=20)) == []
    assert settle(shop.warehouse, START + timedelta(hours=30))


def test_an_analysis_says_what_happened_and_what_may_be_believed(play):
    shop = play(WINNER)
    for experiment in read_experiments(shop.warehouse):
        write_analyses(shop.warehouse, analyse(experiment), START + timedelta(days=1))
    rows = shop.rows("""
        select experiment, metric, arm, unit_count, winner, lift > 0.1, warning is null, lift_low < lift,
            sample_ratio_p_value > 0.5
        from measurement.experiment_results where arm in ('treated', 'urgent') and metric in ('converted', 'revenue')
        order by all""")
    assert rows == [
        ("news.hold_out", "converted", "treated", 1600, "treated", True, True, True, True),
        ("news.hold_out", "revenue", "treated", 1600, "treated", True, True, True, True),
        ("news.news", "converted", "urgent", 800, "urgent", True, True, True, True),
        ("news.news", "revenue", "urgent", 800, "urgent", True, True, True, True),
    ]


def test_arms_that_were_cut_or_differed_before_are_not_believed(play):
    shop = play(WINNER)
    shop.warehouse.execute(
        "delete from intermediate.int_flow_log where arm = 'urgent' and entry_id like '%3'"
    )
    (experiment,) = read_experiments(shop.warehouse, "news.news")
    assert experiment.sample_ratio_p_value < 1e-6
    assert {row["winner"] for row in analyse(experiment)} == {None}
    assert all("mismatch" in row["warning"] for row in analyse(experiment))


def test_a_covariate_that_the_experiment_has_touched_is_noticed(play):
    shop = play(WINNER)
    shop.warehouse.execute("""
        update intermediate.int_orders set ordered_at = ordered_at - to_days(1)
        where order_id not like 'before_%'""")
    (experiment,) = read_experiments(shop.warehouse, "news.news")
    assert all("before the experiment" in row["warning"] for row in analyse(experiment))
