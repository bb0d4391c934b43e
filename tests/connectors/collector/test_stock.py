"""Notify me: one wish about one product, and no consent."""

import asyncio

import pytest

from connectors.events.contract import Event, parse

WISH = {"product_id": "P-1", "variant_id": "V-2", "email": "ann@example.com"}


def test_a_wish_is_an_event_and_no_consent(visit, landed):
    assert visit("post", "/v1/back-in-stock", json=WISH).status_code == 202
    (event,) = landed()
    assert (event["event"], event["properties"]) == (
        "Back In Stock Requested",
        {**WISH, "channel": "email", "locale": "en"},
    )
    assert isinstance(parse(event), Event)


def test_a_page_without_script_gets_a_page(visit, landed):
    answer = visit("post", "/v1/back-in-stock", data=WISH, headers={"Accept-Language": "de"})
    assert (answer.status_code, "Wir geben Bescheid" in answer.text) == (202, True)
    assert len(landed()) == 1


def test_the_same_wish_twice_is_one_event(visit, landed):
    for _ in range(2):
        visit("post", "/v1/back-in-stock", json=WISH)
    assert len({event["messageId"] for event in landed()}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"product_id": "P-1"},
        {**WISH, "email": "ann"},
        {**WISH, "product_id": "x" * 200},
        {**WISH, "email": {}},
    ],
)
def test_half_a_wish_is_refused(visit, landed, body):
    assert visit("post", "/v1/back-in-stock", json=body).status_code == 400
    assert landed() == []


def test_who_asks_too_often_is_told_to_wait(collector):
    async def ask():
        async with collector() as client:
            wishes = [{**WISH, "email": f"ann{number}@example.com"} for number in range(12)]
            return [await client.post("/v1/back-in-stock", json=wish) for wish in wishes]

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_the_script_comes_from_the_collector_itself_and_pages_may_call(visit):
    script = visit("get", "/notify_me.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "/v1/back-in-stock" in script.text
    assert "innerHTML" not in script.text
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    asked = visit(
        "options", "/v1/back-in-stock", headers={**headers, "Access-Control-Request-Headers": "content-type"}
    )
    assert asked.headers["access-control-allow-origin"] in ("*", "https://shop.example")
