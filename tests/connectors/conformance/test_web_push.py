"""Web push keeps to what every vendor keeps to."""

import json
from functools import cache
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.push.subscriptions import padless
from connectors.push.web_push import WebPushSender, topic
from tests.connectors.conformance.push import NO_PARTS, PushConformance, everybody
from tests.connectors.conformance.vendor import Answer


@cache
def subscription(person):
    """What a browser hands over, with keys of its own; the same for every test."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return json.dumps(
        {
            "endpoint": f"https://updates.push.services.mozilla.com/wpush/v2/{person}-{'x' * 40}",
            "keys": {
                "p256dh": padless(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
                "auth": padless(b"0123456789abcdef"),
            },
        }
    )


class TestWebPush(PushConformance):
    provider = "web_push"
    absent = NO_PARTS
    dead_address = Answer(410, "")
    # One push service, or one subscription, does not take our key: the others may.
    outcomes = MappingProxyType({"bad_credentials": "retry"})

    secrets = (padless(b"\x01" * 32),)

    def token(self, person):
        return subscription(person)

    def open(self, url, timeout_seconds):
        return WebPushSender(
            self.secrets[0], "mailto:hello@shop.example", base_url=url, timeout_seconds=timeout_seconds
        )

    def accepted(self, request):
        return Answer(201, "", {"Location": f"https://push.example/m/{request.headers['topic']}"})

    def keys_of(self, request):
        topics = {topic(f"message-{person}"): f"message-{person}" for person in everybody()}
        return [topics[request.headers["topic"]]]

    @pytest.mark.parametrize("status", [200, 204, 301, 502])
    def test_only_a_push_services_own_yes_counts(self, status):
        with self.far_end().running() as far:
            far.answers(Answer(status, "", {"Location": "https://elsewhere.example"}))
            (played,) = self.send(self.url(far.port), self.envelopes("ann"))
        assert played.outcomes[0] != "accepted"
