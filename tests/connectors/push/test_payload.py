"""Rich push in the words of each service, and never larger than it takes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import Rejected
from connectors.model import Content
from connectors.push.payload import MOST_BYTES, apns_payload, encode, fcm_message, web_notification
from connectors.push.tokens import service_of

IMAGE = "https://shop.example/images/P103.jpg"
BUTTONS = [
    {"name": "checkout", "title": "Check out", "url": "https://shop.example/c/2"},
    {"name": "later", "title": "Not now"},
]


def test_fcm_gets_picture_buttons_and_deep_link(envelope):
    assert fcm_message(envelope()) == {
        "notification": {
            "title": "Your cart is waiting",
            "body": "Yirgacheffe is still in it, Ann. ☕",
            "image": IMAGE,
        },
        "data": {
            "message_id": "message-ann",
            "url": "https://shop.example/c/1",
            "category": "cart_reminder",
            "actions": '[{"name":"checkout","title":"Check out","url":"https://shop.example/c/2"},'
            '{"name":"later","title":"Not now"}]',
        },
        "android": {"priority": "NORMAL", "notification": {"tag": "message-ann"}, "ttl": "3600s"},
        "apns": {
            "headers": {
                "apns-priority": "5",
                "apns-collapse-id": "message-ann",
                "apns-expiration": "1772449200",
            },
            "payload": {"aps": {"mutable-content": 1, "category": "cart_reminder"}},
            "fcm_options": {"image": IMAGE},
        },
    }


def test_apple_gets_what_its_extension_needs_to_fetch_the_picture(envelope):
    assert apns_payload(envelope()) == {
        "aps": {
            "alert": {"title": "Your cart is waiting", "body": "Yirgacheffe is still in it, Ann. ☕"},
            "sound": "default",
            "mutable-content": 1,
            "category": "cart_reminder",
        },
        "message_id": "message-ann",
        "url": "https://shop.example/c/1",
        "image": IMAGE,
        "actions": BUTTONS,
    }


def test_a_browser_gets_the_arguments_of_its_notification(envelope):
    assert web_notification(envelope()) == {
        "title": "Your cart is waiting",
        "options": {
            "body": "Yirgacheffe is still in it, Ann. ☕",
            "image": IMAGE,
            "tag": "message-ann",
            "actions": [
                {"action": "checkout", "title": "Check out"},
                {"action": "later", "title": "Not now"},
            ],
            "data": {
                "message_id": "message-ann",
                "url": "https://shop.example/c/1",
                "actions": {"checkout": "https://shop.example/c/2"},
            },
        },
    }


def test_what_a_plain_push_lacks_is_not_said(envelope):
    plain = envelope(content=Content("Hello", subject="Hi"), expires_at=None)
    assert fcm_message(plain)["data"] == {"message_id": "message-ann", "category": "cart_reminder"}
    assert "ttl" not in fcm_message(plain)["android"]
    assert apns_payload(plain).keys() == {"aps", "message_id"}
    assert web_notification(plain)["options"].keys() == {"body", "tag", "data"}


def test_only_a_transactional_push_wakes_the_device(envelope):
    urgent = fcm_message(envelope(message_class="transactional"))
    assert (urgent["android"]["priority"], urgent["apns"]["headers"]["apns-priority"]) == ("HIGH", "10")


@pytest.mark.parametrize("service", MOST_BYTES)
def test_a_payload_that_fills_the_limit_leaves_and_one_byte_more_does_not(envelope, service):
    small = len(encode(envelope(content=Content("", subject="Hi")), service))
    text = "x" * (MOST_BYTES[service] - small)
    assert len(encode(envelope(content=Content(text, subject="Hi")), service)) == MOST_BYTES[service]
    with pytest.raises(Rejected, match=f"payload_too_large: {MOST_BYTES[service] + 1} of"):
        encode(envelope(content=Content(text + "x", subject="Hi")), service)


def test_bytes_are_counted_not_letters(envelope):
    with pytest.raises(Rejected, match="payload_too_large"):
        encode(envelope(content=Content("☕" * 1500, subject="Hi")), "apns")


@pytest.mark.parametrize(
    ("token", "service"),
    [
        ("a1" * 32, "apns"),
        ("A1" * 80, "apns"),
        ("a1" * 31, "fcm"),
        ("dXJtbGlicmFyeQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx", "fcm"),
        ('{"endpoint": "https://updates.push.services.mozilla.com/wpush/v2/x"}', "web_push"),
        (' {"endpoint": "x"}', "web_push"),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", "web_push"),
    ],
)
def test_a_token_tells_by_its_form_who_issued_it(token, service):
    assert service_of(token) == service


@settings(deadline=None)
@given(st.text(max_size=100))
def test_every_token_belongs_to_exactly_one_service(token):
    assert service_of(token) in MOST_BYTES


def test_a_second_copy_replaces_the_first_on_the_screen(envelope):
    first, second = envelope(), replace(envelope(), sent_at=envelope().sent_at.replace(hour=23))
    assert (
        fcm_message(first)["android"]["notification"]["tag"]
        == fcm_message(second)["android"]["notification"]["tag"]
    )
    assert web_notification(first)["options"]["tag"] == web_notification(second)["options"]["tag"]
