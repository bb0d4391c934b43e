"""The push services keep to what every vendor keeps to."""

import json
from functools import cache
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connectors.push.apns import ApnsSender, apns_id
from connectors.push.fcm import FcmSender
from connectors.push.web_push import WebPushSender, padless, topic
from tests.connectors.conformance.http2 import Http2Vendor
from tests.connectors.conformance.suite import PEOPLE, HttpConformance
from tests.connectors.conformance.vendor import Answer, CutAnswer

ONE_PER_CALL = MappingProxyType(
    dict.fromkeys(("reordered", "duplicated", "shortened"), "one message per call")
)
NO_PARTS = MappingProxyType({"failure_inside": "a success has no parts"} | ONE_PER_CALL)


def everybody():
    return (*PEOPLE, *(f"p{number}" for number in range(40)))


@cache
def pem(kind):
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Push(HttpConformance):
    suppresses = "invalid_token"

    def changes(self, person):
        return {"channel": "push", "address": self.token(person), "template": "push/cart_reminder"}


class TestFcm(Push):
    provider = "fcm"
    absent = NO_PARTS
    dead_address = Answer(404, {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}})
    access = Answer(200, {"access_token": "ya29.access", "expires_in": 3599})

    @property
    def secrets(self):
        return (pem("rsa"), "ya29.access")

    def token(self, person):
        return f"{person}:APA91b-{person}"

    def open(self, url, timeout_seconds):
        account = {
            "project_id": "shop",
            "client_email": "push@shop.example",
            "private_key": pem("rsa"),
            "token_uri": f"{url}/token",
        }
        return FcmSender(json.dumps(account), base_url=url, timeout_seconds=timeout_seconds)

    def prepare(self, far, *cases):
        far.answers([self.access, *(getattr(self, case) for case in cases)])

    def keys(self, far):
        return [
            request.json()["message"]["data"]["message_id"]
            for request in far.requests
            if request.path == "/v1/projects/shop/messages:send"
        ]

    def accepted(self, request):
        return Answer(200, {"name": "projects/shop/messages/0:1"})


class TestApns(Push):
    provider = "apns"
    absent = NO_PARTS
    dead_address = Answer(410, {"reason": "Unregistered", "timestamp": 1772445600000})
    bad_credentials = Answer(403, {"reason": "InvalidProviderToken"})

    @property
    def secrets(self):
        return (pem("ec"),)

    def far_end(self):
        return Http2Vendor()

    def url(self, port):
        return f"https://127.0.0.1:{port}"

    def token(self, person):
        return person.encode().hex().rjust(64, "0")

    def open(self, url, timeout_seconds):
        _, trust = Http2Vendor().tls, Http2Vendor().trust
        return ApnsSender(
            pem("ec"),
            "KEY1234567",
            "TEAM123456",
            "example.shop",
            base_url=url,
            tls=trust,
            timeout_seconds=timeout_seconds,
        )

    def accepted(self, request):
        return Answer(200, "", {"apns-id": request.headers["apns-id"]})

    def cut_answer(self, request):
        return CutAnswer(Answer(410, {"reason": "Unregistered"}))

    def keys(self, far):
        ids = {apns_id(f"message-{person}"): f"message-{person}" for person in everybody()}
        return [ids[request.headers["apns-id"]] for request in far.requests]


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


class TestWebPush(Push):
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
