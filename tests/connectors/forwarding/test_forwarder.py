"""Forwarding: each event is told until it is taken, in order, signed, and nobody waits for anybody else."""

import multiprocessing
import os
import signal
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors import tables
from connectors.forwarding import queue
from tests.connectors.conformance.vendor import Answer, CutAfterRequest, Silence

MANY = [f"o{number:02d}" for number in range(12)]


@pytest.fixture
def backlog(store):
    """(waiting, delivered, dead) of a webhook."""

    def read(name="erp"):
        found = {each.webhook: each for each in queue.backlogs(store)}.get(name)
        return (found.waiting, found.delivered, found.dead) if found else (0, 0, 0)

    return read


@pytest.fixture
def started(forwards, webhook, far_end):
    """A forwarder that has begun: what lands from now on is news."""
    hook = webhook(far_end)
    forwards(hook, longest=0.1)
    return hook


def test_an_event_is_told_signed_and_in_segments_words(started, happens, forwards, far_end, told):
    happens("o1")
    forwards(started, until=lambda: far_end.requests)
    assert told(far_end) == [("o1", "Order Completed")]
    (request,) = far_end.requests
    assert request.json() == {
        "type": "Order Completed",
        "timestamp": "2026-03-02T10:00:00Z",
        "data": {
            "messageId": "o1",
            "type": "track",
            "userId": "ann",
            "receivedAt": "2026-03-02T10:00:00Z",
            "source": "landing",
            "properties": {"order_id": "o1", "revenue": 10.0},
        },
    }


def test_history_other_events_and_old_ones_are_not_news(forwards, webhook, far_end, happens, backlog, clock):
    happens("history")
    forwards(webhook(far_end), longest=0.1)
    happens("view", event="Tea Tasted")
    happens("old", timestamp=f"{(clock() - timedelta(days=2)).isoformat()}Z")
    forwards(webhook(far_end), longest=0.7)
    assert (far_end.requests, backlog()) == ([], (0, 0, 0))


def test_notes_about_files_go_when_the_files_are_archived_and_history_stays_history(
    started, happens, forwards, store, landing, far_end, backlog, now
):
    happens("o1")
    forwards(started, until=lambda: backlog() == (0, 1, 0))
    landing.archive(landing.files(), now.date())
    forwards(started, longest=0.3)
    with store.reading() as connection:
        assert connection.execute(select(tables.forwarded_files.c.file)).scalars().all() == [""]
    happens("o2")
    forwards(started, until=lambda: backlog() == (0, 2, 0))
    assert len(far_end.requests) == 2


def test_a_file_that_is_archived_while_files_are_looked_through_holds_up_no_other(
    started, happens, forwards, landing, far_end, backlog, now, monkeypatch
):
    happens("o1")
    happens("o2")
    listed = landing.files()
    landing.archive(listed[:1], now.date())
    monkeypatch.setattr(type(landing), "files", lambda _: listed)
    forwards(started, until=lambda: backlog() == (0, 1, 0))
    assert len(far_end.requests) == 1


def test_many_arrive_in_order_and_an_event_that_landed_twice_once(
    started, happens, forwards, far_end, told, backlog
):
    happens(*MANY)
    happens(*MANY[:3])
    forwards(started, until=lambda: backlog() == (0, 12, 0))
    assert [webhook_id for webhook_id, _ in told(far_end)] == MANY


@pytest.mark.parametrize("fault", [Answer(500), CutAfterRequest, Answer(429), Answer(302), Answer(401)])
def test_whatever_goes_wrong_it_comes_again_with_the_same_id(
    started, happens, forwards, far_end, told, backlog, clock, fault
):
    far_end.answers([fault, Answer()])
    happens("o1")
    forwards(started, until=lambda: len(far_end.requests) == 1)
    assert backlog() == (1, 0, 0)
    clock.forward(seconds=1)
    forwards(started, until=lambda: backlog() == (0, 1, 0))
    assert told(far_end) == [("o1", "Order Completed")] * 2


def test_a_system_that_asks_for_a_pause_gets_it_and_nothing_overtakes(
    started, happens, forwards, far_end, told, clock, backlog
):
    far_end.answers([Answer(503, headers={"Retry-After": "120"}), Answer()])
    happens("o1", "o2")
    forwards(started, until=lambda: len(far_end.requests) == 1)
    clock.forward(seconds=119)
    forwards(started, longest=0.3)
    assert len(far_end.requests) == 1
    clock.forward(seconds=2)
    forwards(started, until=lambda: backlog() == (0, 2, 0))
    assert [webhook_id for webhook_id, _ in told(far_end)] == ["o1", "o1", "o2"]


def test_one_event_that_a_system_cannot_digest_keeps_no_other_back(
    started, happens, forwards, far_end, backlog, clock
):
    far_end.answers(lambda request: Answer(500 if b"poison" in request.body else 200))
    happens("o1", "poison", "o2", "o3")
    forwards(started, until=lambda: backlog() == (1, 3, 0))
    clock.forward(hours=25)
    forwards(started, until=lambda: backlog() == (0, 3, 1))
    assert backlog() == (0, 3, 1)


def test_after_a_day_it_is_dead_until_somebody_replays_it(
    started, happens, forwards, far_end, backlog, clock, store
):
    far_end.answers(Answer(500))
    happens("o1")
    forwards(started, until=lambda: len(far_end.requests) == 1)
    clock.forward(hours=24)
    forwards(started, until=lambda: backlog() == (0, 0, 1))
    far_end.answers(Answer())
    forwards(started, longest=0.3)
    assert (queue.replay(store, "erp", clock()), backlog()) == (1, (1, 0, 0))
    forwards(started, until=lambda: backlog() == (0, 1, 0))


def test_a_system_that_is_silent_delays_nobody(forwards, webhook, far_end, other_end, happens, backlog):
    slow, quick = webhook(far_end, "slow"), webhook(other_end, "quick")
    forwards(slow, quick, longest=0.1)
    far_end.answers(Silence)
    happens(*MANY)

    def everybody_else_is_told():
        return backlog("quick") == (0, 12, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.forwarding.forwarder.TIMEOUT_SECONDS", 1.0)
        forwards(slow, quick, until=everybody_else_is_told)
    assert backlog("slow") == (12, 0, 0)


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_killed_at_any_moment_it_tells_all_and_repeats_only_under_the_same_id(
    started, happens, forwards, far_end, told, backlog, store, store_url
):
    happens(*MANY)
    for number in (1, 4, 8):
        killed = multiprocessing.get_context("fork").Process(
            target=_until_told, args=(forwards, started, far_end)
        )
        store.engine.dispose()
        killed.start()
        while len(far_end.requests) < number and killed.is_alive():
            killed.join(0.005)
        os.kill(killed.pid, signal.SIGKILL)
        killed.join()
    forwards(started, until=lambda: backlog() == (0, 12, 0))
    first_times = list(dict.fromkeys(webhook_id for webhook_id, _ in told(far_end)))
    assert first_times == MANY


def _until_told(forwards, hook, far_end):
    forwards(hook, longest=20)


def test_a_landing_that_cannot_be_read_holds_up_nothing_that_is_queued(
    started, happens, forwards, far_end, landing, monkeypatch, backlog
):
    far_end.answers(Answer(500))
    happens("o1")
    forwards(started, until=lambda: far_end.requests)
    far_end.answers(Answer())
    monkeypatch.setattr(type(landing), "files", lambda _self: 1 / 0)
    forwards(started, until=lambda: backlog()[0] == 1, longest=1)
    assert backlog()[0] == 1
