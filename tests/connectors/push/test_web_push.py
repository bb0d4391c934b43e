"""Web push: only the browser can read it, and a push service knows who sent it."""

import asyncio
import json
from base64 import urlsafe_b64decode
from functools import cache

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.errors import StopSync
from connectors.model import Content
from connectors.push.payload import MOST_BYTES, web_notification
from connectors.push.subscriptions import padless
from connectors.push.web_push import WebPushSender
from tests.connectors.conformance.vendor import Answer, Vendor

AUTH = b"0123456789abcdef"
VAPID = padless((7).to_bytes(32))
CREATED = Answer(201, "", {"Location": "https://push.example/m/1"})
MOZILLA = "https://updates.push.services.mozilla.com/wpush/v2/abc"


@cache
def browser():
    """The key that only the browser has."""
    return ec.generate_private_key(ec.SECP256R1())


def subscription(endpoint=MOZILLA, **keys):
    public = browser().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    given = {"p256dh": padless(public), "auth": padless(AUTH)} | keys
    return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": given})


@pytest.fixture
def service():
    with Vendor().running() as vendor:
        vendor.answers(CREATED)
        yield vendor


@pytest.fixture
def send(service):
    def run(*envelopes):
        async def once():
            sender = WebPushSender(VAPID, "mailto:hello@shop.example", base_url=service.url)
            try:
                return [receipt for one in envelopes for receipt in await sender.send([one])]
            finally:
                await sender.close()

        return asyncio.run(once())

    return run


def test_the_browser_and_nobody_else_reads_the_notification(service, send, envelope):
    (receipt,) = send(envelope(subscription()))
    (request,) = service.requests
    plain = http_ece.decrypt(request.body, private_key=browser(), auth_secret=AUTH, version="aes128gcm")
    assert json.loads(plain) == web_notification(envelope(subscription()))
    assert b"Yirgacheffe" not in request.body
    assert (receipt.outcome, receipt.provider_message_id) == ("accepted", "https://push.example/m/1")


def test_the_push_service_learns_who_how_long_and_how_urgent(service, send, envelope):
    send(envelope(subscription()), envelope(subscription(), message_class="transactional"))
    first, second = service.requests
    assert first.path == "/wpush/v2/abc"
    assert {name: first.headers[name] for name in ("content-encoding", "ttl", "urgency")} == {
        "content-encoding": "aes128gcm",
        "ttl": "3600",
        "urgency": "normal",
    }
    assert second.headers["urgency"] == "high"
    assert first.headers["topic"] == second.headers["topic"]
    assert len(first.headers["topic"]) <= 32


def test_the_vapid_signature_is_ours_and_for_this_push_service(service, send, envelope):
    send(envelope(subscription()), envelope(subscription()))
    first, second = (request.headers["authorization"] for request in service.requests)
    assert first == second
    scheme, token, public = first.replace(",", "").split(" ")
    raw = urlsafe_b64decode(public.removeprefix("k=") + "=")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    claims = jwt.decode(
        token.removeprefix("t="), key, ["ES256"], audience="https://updates.push.services.mozilla.com"
    )
    assert (scheme, claims["sub"]) == ("vapid", "mailto:hello@shop.example")
    assert key == ec.derive_private_key(7, ec.SECP256R1()).public_key()


def test_each_push_service_gets_a_signature_of_its_own(service, send, envelope):
    send(envelope(subscription()), envelope(subscription("https://web.push.apple.com/x")))
    audiences = {
        jwt.decode(
            request.headers["authorization"].split("t=")[1].split(",")[0], options={"verify_signature": False}
        )["aud"]
        for request in service.requests
    }
    assert audiences == {"https://updates.push.services.mozilla.com", "https://web.push.apple.com"}


def test_the_largest_payload_fits_into_4096_encrypted_bytes(service, send, envelope):
    bare = len(
        json.dumps(web_notification(envelope(content=Content("", subject="Hi"))), separators=(",", ":"))
    )
    full = Content("x" * (MOST_BYTES["web_push"] - bare), subject="Hi")
    send(envelope(subscription(), content=full))
    assert len(service.requests[0].body) == 4096


def test_what_is_too_large_does_not_leave(service, send, envelope):
    (receipt,) = send(envelope(subscription(), content=Content("x" * 4000, subject="Hi")))
    assert (receipt.outcome, receipt.reason.partition(":")[0]) == ("rejected", "payload_too_large")
    assert service.requests == []


@pytest.mark.parametrize(
    ("status", "outcome", "suppress"),
    [
        (404, "rejected", "invalid_token"),
        (410, "rejected", "invalid_token"),
        (413, "rejected", None),
        (400, "rejected", None),
        (200, "unknown", None),
        (500, "unknown", None),
    ],
)
def test_only_a_subscription_that_is_gone_is_closed(service, send, envelope, status, outcome, suppress):
    service.answers(Answer(status, ""))
    (receipt,) = send(envelope(subscription()))
    assert (receipt.outcome, receipt.reason, receipt.suppress) == (outcome, f"http {status}", suppress)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", "not_a_push_subscription"),
        ('{"endpoint": "https://updates.push.services.mozilla.com/x"}', "not_a_push_subscription"),
        (subscription(p256dh="AAAA"), "not_a_push_subscription"),
        (subscription("http://updates.push.services.mozilla.com/x"), "unknown_push_service"),
        (subscription("https://169.254.169.254/latest/meta-data"), "unknown_push_service"),
        (subscription("https://evilpush.apple.com.example/x"), "unknown_push_service"),
        (subscription("https://evilpush.apple.com/x"), "unknown_push_service"),
        (subscription("https://notpush.apple.community/x"), "unknown_push_service"),
    ],
)
def test_a_subscription_leads_to_a_push_service_or_nowhere(service, send, envelope, address, reason):
    (receipt,) = send(envelope(address))
    assert (receipt.outcome, receipt.reason, receipt.suppress) == ("rejected", reason, None)
    assert service.requests == []


@pytest.mark.parametrize("key", ["", "AA", padless(b"\xff" * 32)])
def test_a_key_that_is_none_is_named(key):
    with pytest.raises(StopSync, match="VAPID private key"):
        WebPushSender(key, "mailto:hello@shop.example")
