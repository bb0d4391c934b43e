"""Who gets a message now, who later, who never, and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.dbt.compiled import compile_models
from tests.flows.engine import FLOWS, START, Engine, after, flow

CLASSES = """
- {step: receipt, send: email/receipt, class: transactional}
- {step: notice, send: email/notice, class: operational}
- {step: advert, send: email/advert}
"""
SMS = "- {step: advert, send: sms/advert}"


def sent_through(
    engine: Engine, steps: str = CLASSES, profile: str = "ann"
) -> list[tuple[str, str, str | None]]:
    """Template, status and reason of a person's messages after enough runs for every step."""
    engine.defines(flow("welcome", steps))
    engine.enters(profile, "welcome", at=engine.now)
    engine.runs_at(*(after(minutes=minute) for minute in range(len(steps.strip().splitlines()))))
    return engine.messages(profile)


def test_consent_is_needed_for_marketing_only(engine: Engine) -> None:
    engine.has_profile("ann", consent=False)
    assert sent_through(engine) == [
        ("receipt", "scheduled", None),
        ("notice", "scheduled", None),
        ("advert", "skipped", "no_consent"),
    ]


def test_whatsapp_reaches_the_phone_of_those_who_agreed_to_it(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: advert, send: whatsapp/advert}"))
    for person in ("ann", "bob", "cid"):
        engine.has_profile(person)
        engine.enters(person, "welcome", at=after(hours=4))
    engine.consents("ann", "whatsapp", "marketing", "subscribed")
    engine.consents("cid", "whatsapp", "marketing", "subscribed")
    engine.suppresses("whatsapp", "+49cid", "stop")
    engine.runs_at(after(hours=4))
    assert engine.rows("select profile_id, address, status, reason from send_list order by profile_id") == [
        ("ann", "+49ann", "scheduled", None),
        ("bob", "+49bob", "skipped", "no_consent"),
        ("cid", "+49cid", "skipped", "suppressed"),
    ]


def test_consent_is_recorded_with_the_message(engine: Engine) -> None:
    engine.has_profile("ann")
    sent_through(engine)
    assert engine.rows("select template, consent_id from send_list order by decided_at") == [
        ("receipt", None),
        ("notice", None),
        ("advert", "consent-ann-email"),
    ]


def test_who_unsubscribed_from_notices_still_gets_receipts(engine: Engine) -> None:
    engine.has_profile("ann")
    engine.consents("ann", "email", "operational", "unsubscribed")
    assert sent_through(engine) == [
        ("receipt", "scheduled", None),
        ("notice", "skipped", "no_consent"),
        ("advert", "scheduled", None),
    ]


@pytest.mark.parametrize(
    ("reason", "others"),
    [
        ("unsubscribed", ("scheduled", None)),
        ("complained", ("skipped", "suppressed")),
        ("hard_bounced", ("skipped", "suppressed")),
        ("stop", ("skipped", "suppressed")),
    ],
)
def test_a_suppressed_address_gets_nothing_but_who_unsubscribed_from_news_is_told_of_orders(
    engine: Engine, reason: str, others: tuple[str, str | None]
) -> None:
    engine.has_profile("ann", email="Ann@Example.com")
    engine.suppresses("email", "ann@example.com", reason)
    assert sent_through(engine) == [
        ("receipt", *others),
        ("notice", *others),
        ("advert", "skipped", "suppressed"),
    ]


def test_a_suppression_on_another_channel_closes_nothing(engine: Engine) -> None:
    engine.has_profile("ann")
    engine.suppresses("whatsapp", "+49ann", "stop")
    assert sent_through(engine, "- {step: receipt, send: sms/receipt, class: transactional}") == [
        ("receipt", "scheduled", None)
    ]


def test_a_global_suppression_covers_every_channel(engine: Engine) -> None:
    engine.has_profile("ann")
    engine.suppresses("*", "+49ann", "manual")
    assert sent_through(engine, SMS) == [("advert", "skipped", "suppressed")]


def test_nothing_goes_where_there_is_no_address(engine: Engine) -> None:
    engine.has_profile("ann", phone=None)
    assert sent_through(engine, SMS) == [("advert", "skipped", "no_address")]


def test_marketing_waits_while_the_consent_feed_is_stale(engine: Engine) -> None:
    engine.defines(flow("welcome", CLASSES))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(days=2))
    engine.runs(START)
    for minute in range(3):
        engine.runs(after(days=2, minutes=minute), feed_is_fresh=False)
    assert engine.messages("ann") == [
        ("receipt", "scheduled", None),
        ("notice", "scheduled", None),
        ("advert", "deferred", "consent_feed_stale"),
    ]
    engine.runs(after(days=2, hours=1))
    assert engine.messages("ann")[2] == ("advert", "scheduled", None)


def test_a_message_that_waited_too_long_is_dropped(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: advert, send: email/advert}"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs(START, killed_after="int_flow_log")
    engine.runs(after(hours=48))
    assert engine.messages("ann") == [("advert", "skipped", "too_late")]


def test_however_long_nothing_runs_a_waiting_message_ends_explained(engine: Engine) -> None:
    engine.sets("frequency_caps", [cap("email", 1, 24, "defer")])
    engine.defines(flow("welcome", "- {step: one, send: email/one}\n- {step: two, send: email/two}"))
    for person, hour in (("ann", 0), ("bob", 1)):
        engine.has_profile(person)
        engine.enters(person, "welcome", at=after(hours=hour))
    engine.runs(START)
    engine.runs(after(hours=1), killed_after="int_flow_log")
    assert engine.messages("ann")[1] == ("two", "deferred", "not_yet_judged")
    engine.runs(after(hours=2))
    assert engine.messages("ann")[1] == ("two", "deferred", "frequency_cap")
    engine.runs(after(days=20))
    assert engine.messages("ann")[1] == ("two", "skipped", "too_late")


def test_a_message_that_an_older_version_left_waiting_is_explained_with_the_next_change(
    engine: Engine,
) -> None:
    one_step = flow("welcome", "- {step: one, send: email/one}")
    engine.defines(one_step)
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs(START, killed_after="int_flow_log")
    engine.execute(
        "insert into intermediate.int_send_decisions (message_id, evaluated_at) values ('other', ?)",
        [after(days=19)],
    )
    engine.defines(one_step)
    engine.runs(after(days=20))
    assert engine.messages("ann") == [("one", "skipped", "too_late")]


def test_a_run_that_died_before_the_guardrails_is_made_up_for(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: advert, send: email/advert}"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs(START, killed_after="int_flow_log")
    assert engine.messages("ann") == [("advert", "deferred", "not_yet_judged")]
    engine.runs(after(hours=1))
    assert engine.messages("ann") == [("advert", "scheduled", None)]


def test_an_order_stops_a_message_that_still_waits(engine: Engine) -> None:
    engine.defines(flow("welcome", SMS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(hours=13))
    engine.runs(after(hours=13))
    assert engine.messages("ann") == [("advert", "deferred", "quiet_hours")]
    engine.signals("ann", "ordered", at=after(hours=14))
    engine.runs(after(hours=26))
    assert engine.messages("ann") == [("advert", "skipped", "exited")]


@pytest.mark.parametrize(
    ("person", "leaves_at"),
    [
        pytest.param(
            {"time_zone": "Europe/Berlin"}, datetime(2026, 3, 29, 7), id="zone on the day clocks go forward"
        ),
        pytest.param({"time_zone": "America/New_York"}, datetime(2026, 3, 29, 13), id="zone far away"),
        pytest.param(
            {"time_zone": None, "country": "DE"},
            datetime(2026, 3, 29, 7),
            id="unknown zone, one in the country",
        ),
        pytest.param(
            {"time_zone": None, "country": "US"},
            datetime(2026, 3, 29, 18),
            id="unknown zone, many in the country",
        ),
        pytest.param({"time_zone": None}, datetime(2026, 3, 29, 9), id="unknown country: the shop's zone"),
        pytest.param(
            {"time_zone": "America/New_York", "country": "US"},
            datetime(2026, 3, 29, 12),
            id="the country's hours",
        ),
    ],
)
def test_nobody_is_woken(engine: Engine, person: dict[str, str | None], leaves_at: datetime) -> None:
    night = datetime(2026, 3, 29, 3)
    engine.defines(flow("welcome", SMS))
    engine.has_profile("ann", **person)
    engine.enters("ann", "welcome", at=night)
    engine.runs_at(*(night.replace(hour=hour) for hour in range(3, 24)))
    assert engine.rows("select due_at, status from send_list") == [(leaves_at, "scheduled")]


def test_the_more_important_message_wins_and_the_other_waits(engine: Engine) -> None:
    engine.sets("frequency_caps", [cap("email", 1, 24, "defer")])
    engine.defines(
        flow("welcome", "- {step: low, send: email/low}", priority="10"),
        flow("win_back", "- {step: high, send: email/high}", priority="90"),
    )
    engine.has_profile("ann")
    for name in ("welcome", "win_back"):
        engine.enters("ann", name, at=START)
    engine.runs(START)
    assert engine.messages("ann") == [("high", "scheduled", None), ("low", "deferred", "frequency_cap")]
    engine.runs(after(hours=23))
    assert engine.messages("ann")[1] == ("low", "deferred", "frequency_cap")


def test_the_loser_is_dropped_where_that_is_declared(engine: Engine) -> None:
    engine.sets("frequency_caps", [cap("email", 1, 24, "drop")])
    engine.defines(flow("welcome", "- {step: one, send: email/one}\n- {step: two, send: email/two}"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(hours=1), after(hours=25))
    assert engine.messages("ann") == [("one", "scheduled", None), ("two", "skipped", "frequency_cap")]


def test_a_deferred_message_goes_when_the_cap_has_room(engine: Engine) -> None:
    engine.sets("frequency_caps", [cap("email", 1, 12, "defer")])
    engine.defines(flow("welcome", "- {step: one, send: email/one}\n- {step: two, send: email/two}"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(hours=1), after(hours=11), after(hours=12))
    assert engine.rows("select template, due_at from send_list order by due_at") == [
        ("one", START),
        ("two", after(hours=12)),
    ]
    assert engine.rows("select evaluated_at, status from int_send_decisions order by all") == [
        (START, "scheduled"),
        (after(hours=1), "deferred"),
        (after(hours=12), "scheduled"),
    ]


def test_a_cap_counts_messages_of_a_person_under_all_names(engine: Engine) -> None:
    engine.sets("frequency_caps", [cap("*", 1, 24, "drop")])
    engine.defines(
        flow("welcome", "- {step: one, send: email/one}"), flow("win_back", "- {step: two, send: push/two}")
    )
    engine.has_profile("visitor")
    engine.enters("visitor", "welcome", at=START)
    engine.runs(START)
    engine.has_profile("ann")
    engine.merges("visitor", into="ann")
    engine.enters("ann", "win_back", at=after(hours=1))
    engine.runs(after(hours=1))
    assert engine.messages("ann") == [("two", "skipped", "frequency_cap")]


def test_what_changes_a_profile_takes_no_room_from_a_message(engine: Engine) -> None:
    engine.sets("frequency_caps", [cap("*", 1, 24, "drop")])
    engine.defines(
        flow(
            "welcome",
            """
- {step: mark, update_profile: {tier: gold}, priority: 90}
- {step: tell, webhook: crm, priority: 90}
- {step: advert, send: email/advert}""",
        )
    )
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs(START, killed_after="int_flow_log")
    engine.runs(after(minutes=1))
    engine.runs(after(minutes=2))
    assert engine.rows("select step, status, reason from send_list order by decided_at") == [
        ("mark", "scheduled", None),
        ("tell", "scheduled", None),
        ("advert", "scheduled", None),
    ]


@pytest.mark.parametrize(("channel", "hours"), [("email", 24), ("sms", 24), ("push", 24)])
def test_the_loser_of_a_run_goes_a_day_later_under_the_caps_and_classes_that_are_shipped(
    engine: Engine, channel: str, hours: int
) -> None:
    names = ("welcome", "cart_recovery", "win_back")
    engine.defines(*(flow(name, f"- {{step: advert, send: {channel}/{name}}}") for name in names))
    engine.has_profile("ann")
    for name in names:
        engine.enters("ann", name, at=after(hours=4))
    engine.runs_at(*(after(hours=4 + hour) for hour in range(50)))
    room = 1 if channel == "sms" else 2
    assert engine.rows("select due_at from send_list where status = 'scheduled' order by due_at") == [
        *[(after(hours=4),)] * room,
        *[(after(hours=4 + hours),)] * min(room, 3 - room),
    ]


def test_a_hold_out_withholds_marketing_and_nothing_else(engine: Engine) -> None:
    engine.defines(flow("welcome", CLASSES, hold_out="100%"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(*(after(minutes=minute) for minute in range(3)))
    assert engine.messages("ann") == [
        ("receipt", "scheduled", None),
        ("notice", "scheduled", None),
        ("advert", "skipped", "held_out"),
    ]
    assert [outcome for _, _, outcome in engine.decisions("ann")] == ["message", "message", "held_out"]


def test_the_global_hold_out_spares_the_same_people_in_every_flow(engine: Engine, tmp_path: Path) -> None:
    spared = compile_models(
        tmp_path, ["int_flow_candidates"], flows=[f"flow_{name}" for name in FLOWS], global_hold_out=0.5
    ).first["int_flow_candidates"]
    engine.execute(f"create or replace view intermediate.int_flow_candidates as {spared}")
    people = [f"p{number}" for number in range(40)]
    engine.defines(*(flow(name, CLASSES) for name in ("welcome", "win_back")))
    for person in people:
        engine.has_profile(person)
        for name in ("welcome", "win_back"):
            engine.enters(person, name, at=START)
    engine.runs_at(*(after(minutes=minute) for minute in range(3)))
    held = engine.rows("select profile_id, bool_and(held_out) from flow_entries group by all order by all")
    assert held == engine.rows(
        "select profile_id, bool_or(held_out) from flow_entries group by all order by all"
    )
    assert 10 < sum(is_held for _, is_held in held) < 30
    kept = engine.rows("select distinct step from send_list where reason = 'held_out'")
    assert kept == [("advert",)]
    assert engine.rows("select count(*) from send_list where step = 'receipt' and status = 'scheduled'") == [
        (80,)
    ]


def cap(channel: str, most: int, hours: int, binding: str) -> dict[str, object]:
    """One row of frequency_caps for marketing."""
    return {
        "channel": channel,
        "message_class": "marketing",
        "max_messages": most,
        "window_hours": hours,
        "when_binding": binding,
    }
