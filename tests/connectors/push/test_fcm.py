"""FCM: its words for what went wrong, and the access token of the service account."""

import asyncio
import json
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.errors import StopSync, TryAgain
from connectors.push.fcm import GRANT, SCOPE, FcmSender
from tests.connectors.conformance.vendor import Answer, Vendor

TOKEN = "dXJt:APA91bHun4MxP5ego"
ACCESS = Answer(200, {"access_token": "ya29.first", "expires_in": 3599})
FINE = Answer(200, {"name": "projects/shop/messages/0:1"})


@cache
def key():
    return rsa.generate_private_key(65537, 2048)


def account(url):
    private = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "shop",
            "client_email": "push@shop.example",
            "private_key": private,
            "token_uri": f"{url}/token",
        }
    )


@pytest.fixture
def google():
    with Vendor().running() as vendor:
        yield vendor


@pytest.fixture
def send(google):
    """`send(envelope, envelope)`: one after the other through one sender."""

    def run(*envelopes):
        async def once():
            sender = FcmSender(account(google.url), base_url=google.url)
            try:
                return [receipt for one in envelopes for receipt in await sender.send([one])]
            finally:
                await sender.close()

        return asyncio.run(once())

    return run


def error(http, status, *details, message="…"):
    return Answer(
        http, {"error": {"code": http, "status": status, "message": message, "details": list(details)}}
    )


def code(word):
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": word}


def field(name):
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": name}]}


def test_the_access_token_is_asked_for_once_and_used_by_all(google, send, envelope):
    google.answers([ACCESS, FINE])
    receipts = send(envelope(TOKEN), envelope(TOKEN, message_id="message-2"))
    asked, *sent = google.requests
    assert [receipt.provider_message_id for receipt in receipts] == ["projects/shop/messages/0:1"] * 2
    form = asked.form()
    assert form["grant_type"] == GRANT
    claims = jwt.decode(form["assertion"], key().public_key(), ["RS256"], audience=f"{google.url}/token")
    assert (claims["iss"], claims["scope"], claims["exp"] - claims["iat"]) == (
        "push@shop.example",
        SCOPE,
        3600,
    )
    assert [request.headers["authorization"] for request in sent] == ["Bearer ya29.first"] * 2
    assert sent[0].json()["message"]["token"] == TOKEN


@pytest.mark.parametrize(
    ("answer", "reason", "suppress"),
    [
        (error(404, "NOT_FOUND", code("UNREGISTERED")), "fcm UNREGISTERED", "invalid_token"),
        (
            error(400, "INVALID_ARGUMENT", code("INVALID_ARGUMENT"), field("message.token")),
            "fcm INVALID_ARGUMENT token",
            "invalid_token",
        ),
        (
            error(
                400,
                "INVALID_ARGUMENT",
                code("INVALID_ARGUMENT"),
                message="The registration token is not a valid FCM registration token",
            ),
            "fcm INVALID_ARGUMENT token",
            "invalid_token",
        ),
        (error(400, "INVALID_ARGUMENT", field("message.data[0].value")), "http 400", None),
        (error(400, "INVALID_ARGUMENT"), "http 400", None),
        (error(403, "PERMISSION_DENIED", code("SENDER_ID_MISMATCH")), "fcm SENDER_ID_MISMATCH", None),
    ],
)
def test_only_a_fault_of_the_token_closes_it(google, send, envelope, answer, reason, suppress):
    google.answers([ACCESS, answer])
    (receipt,) = send(envelope(TOKEN))
    assert (receipt.outcome, receipt.reason, receipt.suppress) == ("rejected", reason, suppress)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (error(429, "RESOURCE_EXHAUSTED", code("QUOTA_EXCEEDED")), 60),
        (error(503, "UNAVAILABLE", code("UNAVAILABLE")), None),
        (error(401, "UNAUTHENTICATED", code("THIRD_PARTY_AUTH_ERROR")), None),
    ],
)
def test_what_fcm_could_not_do_now_comes_again(google, send, envelope, answer, seconds):
    google.answers([ACCESS, answer, ACCESS, answer])
    with pytest.raises(TryAgain) as waiting:
        send(envelope(TOKEN))
    assert waiting.value.retry_after_seconds == seconds


def test_an_access_token_that_has_died_is_replaced_once(google, send, envelope):
    google.answers(
        [ACCESS, error(401, "UNAUTHENTICATED"), Answer(200, {"access_token": "ya29.second"}), FINE]
    )
    (receipt,) = send(envelope(TOKEN))
    logins = [request.headers.get("authorization") for request in google.requests]
    assert (receipt.outcome, logins) == ("accepted", [None, "Bearer ya29.first", None, "Bearer ya29.second"])


def test_a_project_that_may_not_send_stops_everything(google, send, envelope):
    google.answers([ACCESS, error(403, "PERMISSION_DENIED")])
    with pytest.raises(StopSync):
        send(envelope(TOKEN))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(400, {"error": "invalid_grant"}), StopSync),
        (Answer(500, ""), TryAgain),
        (Answer(200, "<html>"), TryAgain),
    ],
)
def test_without_an_access_token_nothing_leaves(google, send, envelope, answer, fault):
    google.answers(answer)
    with pytest.raises(fault):
        send(envelope(TOKEN))
    assert [request.path for request in google.requests] == ["/token"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_key_that_is_none_is_named(text):
    with pytest.raises(StopSync, match="service account's JSON key"):
        FcmSender(text)


def test_it_serves_neither_apples_tokens_nor_browsers(envelope):
    sender = FcmSender(account("https://oauth2.example"))
    tokens = [TOKEN, "a1" * 32, '{"endpoint": "https://push.example"}']
    assert [sender.serves(envelope(token).message) for token in tokens] == [True, False, False]
