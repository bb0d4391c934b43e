import gzip
import json

import pytest

TRACK = {
    "messageId": "m1",
    "userId": "ann",
    "event": "Tea Tasted",
    "timestamp": "2026-03-02T09:59:00Z",
    "properties": {"leaf": "oolong"},
}


def test_a_track_call_lands_as_it_was_sent_with_source_and_time_of_arrival(send, key, landed):
    assert send(key, ("/v1/track", TRACK)) == [(200, {"success": True})]
    assert landed() == [TRACK | {"type": "track", "receivedAt": "2026-03-02T10:00:00.000Z", "source": "shop"}]


@pytest.mark.parametrize("call", ["identify", "page", "screen", "group", "alias"])
def test_every_call_of_the_api_lands_under_its_type(send, key, landed, call):
    assert send(key, (f"/v1/{call}", {"userId": "ann", "messageId": "m1"}))[0][0] == 200
    assert [(record["type"], record["timestamp"]) for record in landed()] == [
        (call, "2026-03-02T10:00:00.000Z")
    ]


def test_a_bad_item_of_a_batch_is_refused_alone_and_with_its_place(send, key, landed):
    bad = {"type": "track", "event": "Order Completed", "messageId": "m2", "properties": {}}
    answers = send(
        key, ("/v1/batch", {"batch": [TRACK | {"type": "track"}, bad, 7], "context": {"ip": "::1"}})
    )
    assert answers == [
        (
            200,
            {
                "success": True,
                "rejected": [
                    {"index": 1, "field": "properties.order_id", "reason": "Field required"},
                    {"index": 2, "field": "", "reason": "an event must be a JSON object"},
                ],
            },
        )
    ]
    first, second, third = landed()
    assert first["context"] == {"ip": "::1"}
    assert second == {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m2",
        "_refused": {"field": "properties.order_id", "reason": "Field required"},
    }
    assert third == {"_refused": {"field": "", "reason": "an event must be a JSON object"}}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a":' * 500, b"\xff"])
def test_what_is_no_json_object_is_a_bad_request_and_nothing_lands(send, key, landed, body):
    assert send(key, ("/v1/batch", body))[0][0] == 400
    assert landed() == []


def test_an_emoji_cut_in_half_does_not_cost_the_batch(send, key, landed):
    body = json.dumps({"batch": [TRACK | {"properties": {"title": "tea \ud83c"}}, TRACK]}).encode()
    assert send(key, ("/v1/batch", body)) == [(200, {"success": True})]
    assert [record["properties"] for record in landed()] == [{"title": "tea ?"}, {"leaf": "oolong"}]


def test_gzip_is_read_and_a_bomb_is_not_unpacked(send, key, landed):
    packed, bomb = gzip.compress(json.dumps(TRACK).encode()), gzip.compress(b" " * 50_000_000)
    answers = send(
        key,
        ("/v1/track", packed),
        ("/v1/track", bomb),
        ("/v1/track", packed[:-9]),
        headers={"Content-Encoding": "gzip"},
    )
    assert [status for status, _ in answers] == [200, 413, 400]
    assert [record["messageId"] for record in landed()] == ["m1"]


def test_a_wrong_write_key_is_turned_away_and_the_right_one_may_be_in_the_body(send, key, landed):
    assert send("mr_wrong", ("/v1/track", TRACK))[0][0] == 401
    answers = send(None, ("/v1/t", TRACK | {"writeKey": key}), ("/v1/t", TRACK))
    assert [status for status, _ in answers] == [200, 401]
    assert key not in json.dumps(landed())


@pytest.mark.parametrize(
    ("origin", "answer"), [("https://shop.example", "https://shop.example"), ("https://evil.example", None)]
)
def test_only_pages_of_the_sites_named_may_call(visit, origin, answer):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = visit(
        "options", "/v1/track", headers=asked, options={"allowed_origins": ("https://shop.example",)}
    )
    assert preflight.headers.get("access-control-allow-origin") == answer
