"""A small demo from its first day to its last, through the real loop."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dagster_project.demo.calendar import Calendar
from dagster_project.demo.report import as_json
from dagster_project.demo.run import DemoHomeError, on_its_own, prepare_home, run_demo
from dagster_project.reading import ask
from dagster_project.settings import Settings

CALENDAR = Calendar(history_days=21, live_days=4, hourly_days=0)


@dataclass(frozen=True)
class Story:
    settings: Settings
    result: object

    def rows(self, sql):
        return ask(self.settings, sql).to_pylist()


def play(home, seed=7):
    settings = Settings.under(home)
    return Story(settings, run_demo(settings, seed=seed, customers=150, calendar=CALENDAR))


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return play(tmp_path_factory.mktemp("demo") / "home")


def test_the_same_seed_tells_the_same_story(story, tmp_path):
    def told(one):
        return (
            one.rows("select order_id, ordered_at, revenue from orders order by all"),
            one.rows("select message_id, status, sent_at, opened_at, clicked_at from sends order by all"),
            one.result.truths,
        )

    assert told(play(tmp_path / "home")) == told(story)


def test_something_happened_at_every_stage(story):
    (totals,) = story.rows(
        """select
            (select count(*) from sends where sent_at is not null) > 20 as has_sent,
            (select count(*) from sends where opened_at is not null) > 5 as was_opened,
            (select count(*) from attributed_orders) > 0 as has_earned"""
    )
    assert totals == {"has_sent": True, "was_opened": True, "has_earned": True}


def test_all_tables_and_the_closing_table_count_the_same_messages(story):
    measures = ("sent", "opened", "clicked")
    (sends,) = story.rows(
        """select count(sent_at) as sent, count(opened_at) as opened, count(clicked_at) as clicked
        from sends where channel in ('email', 'sms', 'whatsapp', 'push')"""
    )
    for table in ("flow_performance", "daily_kpis"):
        (found,) = story.rows(
            f"select {', '.join(f'cast(sum({name}_count) as bigint) as {name}' for name in measures)} from {table}"
        )
        assert found == sends, table
    assert {name: sum(row[name] for row in story.result.closing.flows) for name in measures} == sends
    above_one = story.rows(
        """select * from flow_performance where sent_count < reached_count
            or reached_count < greatest(delivered_count, opened_count, clicked_count)"""
    )
    assert above_one == []


def test_every_message_is_one_mail(story):
    mails = list((story.settings.outbox / "email").rglob("*.eml"))
    (accepted,) = story.rows(
        """select count(*) as receipts, count(distinct properties ->> 'message_id') as messages
        from raw_events.events where event_name = 'Email Sent'"""
    )
    assert (len(mails), len(mails)) == (accepted["receipts"], accepted["messages"])


def test_hold_outs_get_nothing(story):
    held_out = story.rows(
        """select sends.message_id from sends
        inner join send_list on sends.message_id = send_list.message_id
        inner join flow_entries on send_list.entry_id = flow_entries.entry_id and send_list.flow = flow_entries.flow
        where flow_entries.held_out"""
    )
    assert held_out == []
    assert story.rows("select 1 as one from flow_entries where held_out limit 1") == [{"one": 1}]


def test_nobody_is_mailed_after_unsubscribing(story):
    late = story.rows(
        """select sends.message_id from sends
        inner join send_list on sends.message_id = send_list.message_id
        inner join profile_timeline on send_list.profile_id = profile_timeline.profile_id
        where profile_timeline.kind = 'unsubscribed' and sends.sent_at > profile_timeline.occurred_at
            and send_list.class = 'marketing'"""
    )
    assert late == []


def test_the_warehouse_counts_the_conversions_that_really_happened(story):
    counted = {
        flow: (lift.treated.participants, lift.treated.conversions)
        for flow, lift in story.result.closing.lifts.items()
    }
    true = {truth.flow: (truth.treated, truth.converted_with) for truth in story.result.truths}
    assert {flow: true[flow] for flow in counted} == counted


def test_the_interval_of_the_lift_is_newcombes(story):
    lift = story.result.closing.lifts["cart_recovery"]
    treated_low, treated_high = wilson(lift.treated.conversions, lift.treated.participants)
    held_out_low, held_out_high = wilson(lift.held_out.conversions, lift.held_out.participants)
    treated, held_out = lift.treated.rate, lift.held_out.rate
    assert lift.difference == treated - held_out
    assert lift.low == pytest.approx(
        treated - held_out - math.sqrt((treated - treated_low) ** 2 + (held_out_high - held_out) ** 2)
    )
    assert lift.high == pytest.approx(
        treated - held_out + math.sqrt((treated_high - treated) ** 2 + (held_out - held_out_low) ** 2)
    )


def wilson(successes, count, z=1.959963984540054):
    """By hand, from Wilson 1927."""
    middle = (successes + z**2 / 2) / (count + z**2)
    reach = z / (count + z**2) * math.sqrt(successes * (count - successes) / count + z**2 / 4)
    return middle - reach, middle + reach


def test_the_books_are_one_json_document(story):
    told = json.loads(json.dumps(as_json(story.result), default=str))
    assert {row["flow"] for row in told["flows"] if row["measured_lift"] is not None} >= {"cart_recovery"}


def test_a_home_that_is_not_a_demo_is_left_alone(tmp_path):
    (tmp_path / "warehouse.duckdb").write_text("precious")
    with pytest.raises(DemoHomeError, match="not a demo"):
        prepare_home(tmp_path)
    assert (tmp_path / "warehouse.duckdb").read_text() == "precious"


def test_a_demo_touches_nothing_of_the_installation_around_it(tmp_path):
    live = {
        "MILLRACE_LANDING": "s3://live/landing",
        "MILLRACE_STORE": "postgresql://live",
        "MILLRACE_SMTP": "smtp://live:25",
        "MILLRACE_PROVIDERS": str(tmp_path / "live.yml"),
        "MILLRACE_TWILIO_AUTH_TOKEN": "secret",
    }
    alone = on_its_own(Settings.under(tmp_path / "home", live))
    assert alone.home == tmp_path / "home"
    assert Path(alone.landing) == tmp_path / "home" / "landing"
    assert alone.store_url == f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}"
    assert (alone.smtp_url, dict(alone.secrets)) == (None, {})
    channels = yaml.safe_load(alone.providers_path.read_text(encoding="utf-8"))["channels"]
    assert {one["provider"] for providers in channels.values() for one in providers} == {
        "smtp",
        "console",
        "landing",
    }
