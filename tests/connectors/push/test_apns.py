"""APNs: the headers of a notification, the provider token, and Apple's reasons."""

import asyncio
import json
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.errors import StopSync, TryAgain
from connectors.push.apns import ApnsSender, apns_id
from connectors.push.payload import apns_payload
from tests.connectors.conformance.http2 import Http2Vendor
from tests.connectors.conformance.vendor import Answer

TOKEN = "a1" * 32


@cache
def key():
    return ec.generate_private_key(ec.SECP256R1())


def pem():
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def fine(request):
    return Answer(200, "", {"apns-id": request.headers["apns-id"]})


@pytest.fixture
def apple():
    with Http2Vendor().running() as vendor:
        vendor.answers(fine)
        yield vendor


@pytest.fixture
def send(apple):
    """`send(envelope, envelope)`: one after the other through one sender."""

    def run(*envelopes, signing_key=None):
        async def once():
            url = f"https://127.0.0.1:{apple.port}"
            names = ("KEY1234567", "TEAM123456", "example.shop")
            sender = ApnsSender(signing_key or pem(), *names, base_url=url, tls=apple.trust)
            try:
                return [receipt for one in envelopes for receipt in await sender.send([one])]
            finally:
                await sender.close()

        return asyncio.run(once())

    return run


def test_a_notification_says_who_what_and_how_long(apple, send, envelope):
    (receipt,) = send(envelope(TOKEN))
    (request,) = apple.requests
    said = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
    assert (request.method, request.path) == ("POST", f"/3/device/{TOKEN}")
    assert said == {
        "apns-id": apns_id("message-ann"),
        "apns-topic": "example.shop",
        "apns-collapse-id": "message-ann",
        "apns-push-type": "alert",
        "apns-priority": "5",
        "apns-expiration": "1772449200",
    }
    assert json.loads(request.body) == apns_payload(envelope(TOKEN))
    assert (receipt.outcome, receipt.provider_message_id) == ("accepted", apns_id("message-ann"))


def test_the_provider_token_is_signed_with_our_key_and_used_again(apple, send, envelope):
    send(envelope(TOKEN), envelope(TOKEN, message_id="message-2"))
    first, second = (request.headers["authorization"] for request in apple.requests)
    assert first == second
    token = first.removeprefix("bearer ")
    assert jwt.decode(token, key().public_key(), ["ES256"])["iss"] == "TEAM123456"
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "KEY1234567", "typ": "JWT"}


def test_an_expired_provider_token_is_replaced_once(apple, send, envelope, monkeypatch):
    clock = iter(range(1772445600, 1772445700))
    monkeypatch.setattr("connectors.push.apns.time.time", lambda: next(clock))
    apple.answers([Answer(403, {"reason": "ExpiredProviderToken"}), fine])
    (receipt,) = send(envelope(TOKEN))
    first, second = (request.headers["authorization"] for request in apple.requests)
    assert (receipt.outcome, first != second) == ("accepted", True)


def test_a_clock_that_is_wrong_is_not_fought(apple, send, envelope):
    apple.answers(Answer(403, {"reason": "ExpiredProviderToken"}))
    with pytest.raises(TryAgain, match="is the clock right"):
        send(envelope(TOKEN))
    assert len(apple.requests) == 2


@pytest.mark.parametrize(
    ("status", "reason", "suppress"),
    [
        (410, "Unregistered", "invalid_token"),
        (410, "ExpiredToken", "invalid_token"),
        (400, "BadDeviceToken", "invalid_token"),
        (400, "DeviceTokenNotForTopic", None),
        (413, "PayloadTooLarge", None),
    ],
)
def test_only_a_dead_token_is_closed(apple, send, envelope, status, reason, suppress):
    apple.answers(Answer(status, {"reason": reason}))
    (receipt,) = send(envelope(TOKEN))
    assert (receipt.outcome, receipt.reason, receipt.suppress) == ("rejected", f"apns {reason}", suppress)


@pytest.mark.parametrize(
    ("status", "reason", "fault"),
    [
        (429, "TooManyRequests", TryAgain),
        (429, "TooManyProviderTokenUpdates", TryAgain),
        (503, "Shutdown", TryAgain),
        (403, "InvalidProviderToken", StopSync),
        (400, "TopicDisallowed", StopSync),
        (400, "MissingTopic", StopSync),
    ],
)
def test_a_fault_that_is_not_the_messages_is_one_of_the_call(apple, send, envelope, status, reason, fault):
    apple.answers(Answer(status, {"reason": reason}))
    with pytest.raises(fault):
        send(envelope(TOKEN))


def test_apples_own_error_leaves_a_doubt(apple, send, envelope):
    apple.answers(Answer(500, {"reason": "InternalServerError"}))
    (receipt,) = send(envelope(TOKEN))
    assert (receipt.outcome, receipt.reason) == ("unknown", "http 500")


def test_a_key_that_is_none_is_named(send, envelope, apple):
    with pytest.raises(StopSync, match="MILLRACE_APNS_KEY"):
        send(envelope(TOKEN), signing_key="-----BEGIN NOTHING-----")
    assert apple.requests == []


def test_the_same_message_has_the_same_name_for_ever():
    assert apns_id("message-ann") == apns_id("message-ann") != apns_id("message-bob")
    assert apns_id("message-ann") == "f220dda2-0661-5d5f-a5bf-6e9bc5ccf741"
