"""Feedback counts once, whatever is repeated, reordered or killed."""

import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from connectors import tables
from connectors.feedback import Feedback, take_feedback
from connectors.feedback import take as taking
from connectors.feedback import written as writing
from connectors.feedback.model import event_id
from connectors.landing import open_landing
from connectors.store import open_store

SOFT = {"properties": {"bounce_type": "soft"}}
HARD = {"suppress": "hard_bounced", "properties": {"bounce_type": "hard"}}
KINDS = st.sampled_from(
    [
        ("Email Delivered", {}),
        ("Email Opened", {}),
        ("Email Bounced", SOFT),
        ("Email Bounced", HARD),
        ("Email Marked as Spam", {"suppress": "complained"}),
        ("Unsubscribed", {"suppress": "stop", "channel": "sms", "provider": "twilio"}),
        ("Subscribed", {"lifts": "stop", "channel": "sms", "provider": "twilio"}),
        ("Unsubscribed", {}),
        ("Email Rejected", {"outcome": "rejected", "suppress": "hard_bounced"}),
    ]
)
TOLD = st.lists(st.tuples(KINDS, st.integers(0, 1), st.integers(0, 20)), max_size=20)
HYPOTHESIS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def as_items(told, now):
    """Feedback about two people; the same thing said at the same time is the same event."""
    for (name, changes), person, minutes in told:
        who = f"+4312{person}" if changes.get("channel") == "sms" else f"p{person}@example.com"
        yield Feedback(
            **{
                "event_id": event_id(name, changes, person, minutes),
                "name": name,
                "channel": "email",
                "provider": "sendgrid",
                "occurred_at": now - timedelta(minutes=minutes),
                "address": who,
                "provider_message_id": f"sg-{minutes}",
                **changes,
            }
        )


def outcome(store, landing):
    """What holds and what was told, whatever the way there."""
    with store.transaction() as connection:
        closed = {
            (row.channel, row.address, row.reason)
            for row in connection.execute(select(tables.suppressions))
            if row.lifted_at is None or row.since >= row.lifted_at
        }
        facts = {tuple(row) for row in connection.execute(select(tables.facts))}
    told = [
        (record["messageId"], record["event"])
        for file in landing.files()
        for record in map(json.loads, landing.read(file.name).read().splitlines())
    ]
    return closed, Counter(told), facts


@pytest.mark.parametrize("minutes", [[20, 0], [0, 20]])
def test_of_two_stops_in_one_batch_the_later_counts_against_a_start_between_them(minutes, tmp_path, now):
    stop = ("Unsubscribed", {"suppress": "stop", "channel": "sms", "provider": "twilio"})
    start = ("Subscribed", {"lifts": "stop", "channel": "sms", "provider": "twilio"})
    told = [*((stop, 0, before) for before in minutes), (start, 0, 12)]
    store, landing = open_store(f"sqlite:///{tmp_path / 'l.sqlite'}"), open_landing(str(tmp_path / "landing"))
    take_feedback(store, landing, list(as_items(told, now)), now)
    closed, _, _ = outcome(store, landing)
    store.close()
    assert closed == {("sms", "+43120", "stop")}


@HYPOTHESIS
@given(told=TOLD, data=st.data())
def test_repeated_and_reordered_posts_end_in_the_same_state_and_are_told_once(
    told, data, tmp_path_factory, now
):
    items = list(as_items(told, now))
    again = data.draw(st.permutations(items + items[: len(items) // 2]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(again)), max_size=3)))
    ends = []
    for order, breaks in ((items, []), (again, cuts)):
        folder = tmp_path_factory.mktemp("home")
        store, landing = open_store(f"sqlite:///{folder / 'l.sqlite'}"), open_landing(str(folder / "landing"))
        for start, end in zip([0, *breaks], [*breaks, len(order)], strict=True):
            take_feedback(store, landing, order[start:end], now)
        ends.append(outcome(store, landing))
        store.close()
    assert ends[0] == ends[1]
    assert set(ends[1][1].values()) <= {1}


class Killed(BaseException):
    """The process is gone."""


POINTS = [
    (taking, "_keep"),
    (taking, "apply"),
    (taking, "_believe"),
    (writing, "_unwritten"),
    (writing, "_mark"),
]


@HYPOTHESIS
@given(told=TOLD.filter(bool), deaths=st.lists(st.integers(0, 12), max_size=3))
def test_a_process_that_dies_anywhere_loses_nothing_and_tells_each_event_once(
    told, deaths, tmp_path_factory, now
):
    items = list(as_items(told, now))
    folder = tmp_path_factory.mktemp("home")
    store, landing = open_store(f"sqlite:///{folder / 'l.sqlite'}"), open_landing(str(folder / "landing"))
    for death in [*deaths, None]:
        passed = count()

        def around(step, death=death, passed=passed):
            def wrapped(*args, **options):
                if next(passed) == death:
                    raise Killed
                result = step(*args, **options)
                if next(passed) == death:
                    raise Killed
                return result

            return wrapped

        with pytest.MonkeyPatch.context() as patch:
            for module, name in POINTS:
                patch.setattr(module, name, around(getattr(module, name)))
            with suppress(Killed):
                take_feedback(store, landing, items, now)
    _, told_events, _ = outcome(store, landing)
    unique = {item.event_id for item in items}
    assert unique <= {identifier for identifier, _ in told_events}
    # A portion that was written but not marked replaces itself: same rows, same name.
    assert set(told_events.values()) == {1}
    store.close()
