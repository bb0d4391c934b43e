"""Push tokens: registered for the person who signs, closed at once."""

import base64

import pytest
from sqlalchemy import select

from connectors import tables
from connectors.delivery.ledger import claim
from tests.connectors.collector.visitor import marketing_link

TOKEN, OLD = "token-0123456789", "token-old-456789"


@pytest.fixture
def tokens(store):
    """{token: (platform, status)}"""

    def read():
        columns = tables.device_tokens.c
        with store.transaction() as connection:
            rows = connection.execute(select(columns.token, columns.platform, columns.status)).all()
        return {row.token: (row.platform, row.status) for row in rows}

    return read


@pytest.fixture
def by_key(key):
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


@pytest.fixture
def by_link():
    return {"Authorization": "Bearer " + marketing_link("device", channel="push").rpartition("/")[2]}


def test_an_app_registers_its_device(visit, tokens, landed, by_key):
    body = {"token": TOKEN, "platform": "ios", "userId": "ann"}
    assert visit("post", "/v1/devices", json=body, headers=by_key).status_code == 200
    assert tokens() == {TOKEN: ("ios", "active")}
    (event,) = landed()
    assert (event["event"], event["userId"]) == ("Device Registered", "ann")
    assert event["properties"] == {"token": TOKEN, "platform": "ios", "channel": "push"}


def test_a_device_link_says_itself_whose_device_it_is(visit, landed, by_link):
    body = {"token": TOKEN, "platform": "web", "userId": "somebody else"}
    assert visit("post", "/v1/devices", json=body, headers=by_link).status_code == 200
    (event,) = landed()
    assert (event["properties"]["profile_id"], "userId" in event) == ("profile-ann", False)


def test_a_refresh_replaces_the_old_token(visit, tokens, by_key):
    for body in ({"token": OLD}, {"token": TOKEN, "previousToken": OLD}):
        visit("post", "/v1/devices", json={**body, "platform": "android", "userId": "ann"}, headers=by_key)
    assert tokens() == {OLD: ("android", "invalid_token"), TOKEN: ("android", "active")}


def test_a_device_revoked_one_second_before_the_push_is_not_pushed_to(
    visit, store, message, agree, now, by_key
):
    agree("ann", channel="push")
    visit("post", "/v1/devices", json={"token": TOKEN, "userId": "ann"}, headers=by_key)
    visit("post", "/v1/devices/revoke", json={"token": TOKEN}, headers=by_key)
    push = message("ann", channel="push", address=TOKEN)
    assert claim(store, [push], "worker", now, now).skipped == {push.message_id: "suppressed"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"token": TOKEN}, 400),
        ({"token": "short", "userId": "ann"}, 400),
        ({"token": TOKEN, "userId": "ann", "platform": "fridge"}, 400),
        ({"token": TOKEN, "userId": "ann", "extra": 1}, 400),
        ({"token": TOKEN, "previousToken": TOKEN, "userId": "ann"}, 400),
        ({"token": "x" * 20_000, "userId": "ann"}, 413),
    ],
)
def test_what_is_no_registration_is_refused_without_quoting_it(visit, tokens, landed, by_key, body, status):
    answer = visit("post", "/v1/devices", json=body, headers=by_key)
    assert (answer.status_code, TOKEN in answer.text, tokens(), landed()) == (status, False, {}, [])


@pytest.mark.parametrize("authorization", [None, "Basic eDo=", "Bearer x.y", "Bearer", "Basic %"])
def test_nobody_registers_without_a_signature(visit, tokens, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    body = {"token": TOKEN, "userId": "ann"}
    assert visit("post", "/v1/devices", json=body, headers=headers).status_code == 401
    assert tokens() == {}


def test_a_link_of_a_mail_registers_no_device(visit):
    headers = {"Authorization": "Bearer " + marketing_link("open").rpartition("/")[2]}
    assert visit("post", "/v1/devices", json={"token": TOKEN}, headers=headers).status_code == 401
