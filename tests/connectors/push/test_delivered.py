"""From a due message to the far end: the shipped push goes to whoever issued the token, a dead one never again."""

import json
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.content import open_renderer
from connectors.delivery import deliver
from connectors.push.apns import ApnsSender
from connectors.push.fcm import FcmSender
from connectors.push.subscriptions import padless
from connectors.push.web_push import WebPushSender
from tests.connectors.conformance.http2 import Http2Vendor
from tests.connectors.conformance.push import pem
from tests.connectors.conformance.vendor import Answer, Vendor


@cache
def subscription():
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    keys = {"p256dh": padless(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))}
    return json.dumps(
        {"endpoint": "https://web.push.apple.com/x", "keys": keys | {"auth": padless(b"0123456789abcdef")}}
    )


TOKENS = {"ann": "a1" * 32, "bob": "dXJt:APA91bHun4", "cid": subscription()}


@pytest.fixture
def services():
    """Google's, Apple's and a browser's far end."""
    with Vendor().running() as google, Http2Vendor().running() as apple, Vendor().running() as browser:
        google.answers(
            [Answer(200, {"access_token": "ya29"}), Answer(200, {"name": "projects/shop/messages/1"})]
        )
        apple.answers(lambda request: Answer(200, "", {"apns-id": request.headers["apns-id"]}))
        browser.answers(Answer(201, "", {"Location": "https://push.example/m/1"}))
        yield google, apple, browser


@pytest.fixture
def senders(services):
    google, apple, browser = services
    account = {"project_id": "shop", "client_email": "a@b", "private_key": pem("rsa")}
    account |= {"token_uri": f"{google.url}/token"}
    names = ("KEY1234567", "TEAM123456", "example.shop")
    return [
        FcmSender(json.dumps(account), base_url=google.url),
        ApnsSender(pem("ec"), *names, base_url=f"https://127.0.0.1:{apple.port}", tls=apple.trust),
        WebPushSender(padless(b"\x01" * 32), "mailto:hello@shop.example", base_url=browser.url),
    ]


@pytest.fixture
def run(store, landing, senders, message, agree, now):
    agree(*TOKENS, channel="push")
    renderer = open_renderer("secret", "https://shop.example")
    context = renderer.library.sample_context("push/cart_reminder")

    def deliver_now(**changes):
        due = [
            message(
                person,
                channel="push",
                address=token,
                template="push/cart_reminder",
                context=context,
                **changes.get(person, {}),
            )
            for person, token in TOKENS.items()
        ]
        return deliver(store, landing, due, {"push": senders}, renderer, now)

    return deliver_now


def test_each_token_goes_to_the_service_that_issued_it(run, services, ledger_rows):
    run()
    google, apple, browser = services
    assert ledger_rows("state", "provider") == {
        "message-ann": ("accepted", "apns"),
        "message-bob": ("accepted", "fcm"),
        "message-cid": ("accepted", "web_push"),
    }
    assert (len(google.requests), len(apple.requests), len(browser.requests)) == (2, 1, 1)
    sent = json.loads(apple.requests[0].body)
    assert (sent["aps"]["alert"]["title"], sent["image"], [button["name"] for button in sent["actions"]]) == (
        "Your cart is waiting",
        "https://shop.example/images/P103.jpg",
        ["checkout", "later"],
    )
    assert sent["url"].startswith("https://shop.example/c/")


def test_a_dead_token_is_not_tried_again(run, services, ledger_rows):
    _, apple, _ = services
    apple.answers(Answer(410, {"reason": "Unregistered"}))
    run()
    again = {person: {"message_id": f"second-{person}"} for person in TOKENS}
    run(**again)
    rows = ledger_rows("state", "reason")
    assert rows["message-ann"] == ("rejected", "apns Unregistered")
    assert rows["second-ann"] == ("skipped", "suppressed")
    assert rows["second-bob"] == ("accepted", None)
    assert len(apple.requests) == 1
