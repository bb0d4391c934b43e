"""What is too much is refused before it costs, with the reason and when to come back."""

import resource
from datetime import timedelta

import pytest
from starlette.exceptions import HTTPException

from connectors.collector.keys import create_key
from connectors.collector.limits import Pace

TRACK = {"userId": "ann", "event": "Tea Tasted", "messageId": "m1", "timestamp": "2026-03-02T09:59:00Z"}


def refused(answer):
    return [each["reason"] for each in answer[1]["rejected"]]


def nested(depth):
    return {} if depth == 0 else {"in": nested(depth - 1)}


def test_a_body_that_is_too_large_is_refused(send, key, landed):
    assert send(key, ("/v1/track", b" " * 101), max_body_bytes=100)[0][0] == 413
    assert landed() == []


def test_old_deep_and_large_events_are_refused_one_by_one(send, key, landed, now):
    old = TRACK | {"timestamp": f"{(now - timedelta(days=8)).isoformat()}Z"}
    batch = [old, TRACK | {"properties": nested(4)}, TRACK | {"properties": {"x": "y" * 2000}}, TRACK]
    answer = send(
        key,
        ("/v1/batch", {"batch": batch}),
        max_event_age=timedelta(days=7),
        max_property_depth=3,
        max_event_bytes=1000,
    )[0]
    assert refused(answer) == [
        "older than 7 days: load history as files",
        "objects and lists may be nested 3 deep",
        "an event may have 1000 bytes",
    ]
    assert ["_refused" in record for record in landed()] == [True, True, True, False]


def test_a_key_that_sends_too_fast_is_told_when_to_come_back(send, key, landed):
    batch = ("/v1/batch", {"batch": [TRACK] * 10})
    assert [status for status, _ in send(key, batch, batch, events_per_second=1.0)] == [200, 429]
    assert len(landed()) == 10


def test_a_bucket_fills_with_time_and_a_large_batch_owes_the_rest():
    now = 0.0
    pace = Pace(2.0, lambda: now)
    pace.take("a", 30)  # twenty may come at once; ten are owed
    pace.take("b", 1)
    now = 5.0
    with pytest.raises(HTTPException) as error:
        pace.take("a", 1)
    assert (error.value.status_code, error.value.headers) == (429, {"Retry-After": "1"})
    now = 5.5
    pace.take("a", 1)


def test_a_public_key_cannot_speak_of_consents_or_deliveries(send, store, now, landed):
    key, _ = create_key(store, "web", now, "cli:test", is_public=True)
    forged = [TRACK | {"event": name} for name in ("Subscribed", "Email Bounced", "Address Suppressed")]
    answer = send(key, ("/v1/batch", {"batch": [*forged, TRACK]}))[0]
    assert refused(answer) == ["this event cannot be sent with a public write key"] * 3
    assert [record.get("event") for record in landed() if "_refused" not in record] == ["Tea Tasted"]


def test_a_sender_whose_clock_is_wrong_gets_its_times_corrected(send, key, landed):
    wrong = TRACK | {"timestamp": "2026-03-02T12:00:00Z", "sentAt": "2026-03-02T12:00:30Z"}
    send(key, ("/v1/track", wrong))
    assert [(record["timestamp"], record["originalTimestamp"]) for record in landed()] == [
        ("2026-03-02T09:59:30.000Z", "2026-03-02T12:00:00Z")
    ]


def test_an_event_of_rudderstack_keeps_the_time_that_it_calls_original(send, key, landed):
    event = {"userId": "ann", "event": "Tea Tasted", "originalTimestamp": "2026-03-02T09:58:00Z"}
    send(key, ("/v1/batch", {"batch": [event, event], "sentAt": "2026-03-02T09:59:59Z"}))
    assert [record["timestamp"] for record in landed()] == ["2026-03-02T09:58:00Z"] * 2
    assert len({record["messageId"] for record in landed()}) == 1


def test_the_switch_hashes_what_names_a_person_and_only_that(send, key, landed):
    identify = {
        "userId": "ann@example.com",
        "messageId": "m1",
        "traits": {"email": "Ann@example.com", "name": "Ann", "birthday": "1990-01-01", "plan": "gold"},
        "context": {"ip": "192.0.2.1", "locale": "de"},
    }
    send(key, ("/v1/identify", identify), hashes_pii=True, pii_secret="pepper")
    [record] = landed()
    hashed = record["userId"]
    assert hashed.endswith("@hashed.invalid")
    assert record["traits"]["email"] == hashed
    assert record["traits"]["name"].startswith("sha256:")
    assert (set(record["traits"]), record["traits"]["plan"]) == ({"email", "name", "plan"}, "gold")
    assert record["context"]["ip"].startswith("sha256:")
    assert record["context"]["locale"] == "de"


def test_a_full_disk_is_a_503_with_a_time_and_keeps_only_what_was_acknowledged(send, key, landed):
    large = ("/v1/track", TRACK | {"properties": {"x": "y" * 30_000}})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        answers = send(key, large, ("/v1/track", TRACK))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answers == [
        (503, {"success": False, "error": "nothing was kept: try again"}),
        (200, {"success": True}),
    ]
    assert [record["messageId"] for record in landed()] == ["m1"]
