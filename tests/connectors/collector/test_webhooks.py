"""Signed webhooks: signatures made here as the senders document them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, timedelta

import pytest

from connectors.collector.audit import read_audit
from connectors.tables import suppressions

SECRET = "a shared secret"
STANDARD_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
SECRETS = {
    "SHOPIFY_WEBHOOK_SECRET": SECRET,
    "SEGMENT_WEBHOOK_SECRET": SECRET,
    "STRIPE_WEBHOOK_SECRET": SECRET,
    "STANDARD_WEBHOOK_SECRET": STANDARD_SECRET,
    "POSTMARK_WEBHOOK_SECRET": "postmark:password",
    "WHATSAPP_VERIFY_TOKEN": "ours",
}
ORDER = {
    "id": 6200354537772,
    "created_at": "2026-03-02T10:59:00+01:00",
    "updated_at": "2026-03-02T10:59:30+01:00",
    "total_price": "304.00",
    "total_discounts": "5.00",
    "currency": "HKD",
    "cart_token": None,
    "customer": {"id": 77, "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee"},
    "line_items": [{"product_id": 9, "title": "Oolong", "price": "154.50", "quantity": 2}],
}


def _hmac(secret, signed, digest=hashlib.sha256):
    return hmac.new(secret, signed, digest)


def sign(sender, body, at, topic="orders/create"):
    seconds = int(at.replace(tzinfo=UTC).timestamp())
    stamped = f"{seconds}.".encode() + body
    key = base64.b64decode(STANDARD_SECRET.removeprefix("whsec_"))
    return {
        "shopify": lambda: {
            "X-Shopify-Hmac-Sha256": base64.b64encode(_hmac(SECRET.encode(), body).digest()).decode(),
            "X-Shopify-Topic": topic,
        },
        "segment": lambda: {"X-Signature": _hmac(SECRET.encode(), body, hashlib.sha1).hexdigest()},
        "stripe": lambda: {
            "Stripe-Signature": f"t={seconds},v1={_hmac(SECRET.encode(), stamped).hexdigest()},v0=x"
        },
        "standard": lambda: {
            "webhook-id": "w1",
            "webhook-timestamp": str(seconds),
            "webhook-signature": "v1,AAAA v1,"
            + base64.b64encode(_hmac(key, b"w1." + stamped).digest()).decode(),
        },
    }[sender]()


CHECKOUT = {
    "id": "evt_1",
    "type": "checkout.session.completed",
    "created": 1772445540,
    "data": {
        "object": {
            "id": "cs_1",
            "payment_intent": "pi_1",
            "customer": "cus_1",
            "client_reference_id": "ann",
            "amount_total": 25000,
            "currency": "jpy",
            "customer_details": {"email": "ann@example.com"},
        }
    },
}
POSTS = {
    "shopify": ORDER,
    "segment": {
        "type": "track",
        "event": "Tea Tasted",
        "messageId": "s1",
        "userId": "ann",
        "timestamp": "2026-03-02T09:59:00Z",
    },
    "stripe": CHECKOUT,
    "standard": {"type": "stock.counted", "timestamp": "2026-03-02T09:59:00Z", "data": {"sku": "T1"}},
}


@pytest.fixture
def post(send):
    def run(sender, body, headers, **options):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(None, (f"/webhooks/{sender}", body), headers=headers, secrets=SECRETS, **options)[0]

    return run


@pytest.mark.parametrize("sender", POSTS)
def test_a_signed_post_lands_and_a_changed_or_unsigned_one_is_refused_and_audited(
    post, store, landed, now, sender
):
    body = json.dumps(POSTS[sender]).encode()
    headers = sign(sender, body, now)
    assert post(sender, body, headers)[0] == 200
    before = len(landed())
    assert before >= 1
    assert post(sender, body + b" ", headers)[0] == 401
    assert post(sender, body, {})[0] == 401
    assert len(landed()) == before
    with store.transaction() as connection:
        entries = [(entry.actor, entry.action) for entry in read_audit(connection)]
    assert entries == [(f"webhook:{sender}", "signature_refused")] * 2


@pytest.mark.parametrize("sender", ["stripe", "standard"])
def test_a_recording_is_refused_after_five_minutes(post, now, sender):
    body = json.dumps(POSTS[sender]).encode()
    assert post(sender, body, sign(sender, body, now - timedelta(minutes=4)))[0] == 200
    assert post(sender, body, sign(sender, body, now - timedelta(minutes=6)))[0] == 401


def test_a_shopify_recording_is_told_by_the_time_in_its_body(post, now):
    old = json.dumps(ORDER | {"updated_at": "2026-02-28T10:00:00Z"}).encode()
    assert post("shopify", old, sign("shopify", old, now))[0] == 401


@pytest.mark.parametrize("sender", POSTS)
def test_the_same_post_again_has_the_same_event_ids(post, landed, now, sender):
    body = json.dumps(POSTS[sender]).encode()
    for _ in range(2):
        assert post(sender, body, sign(sender, body, now))[0] == 200
    ids = [record["messageId"] for record in landed()]
    half = len(ids) // 2
    assert ids[:half] == ids[half:] != []


def test_a_shopify_order_becomes_its_customer_and_an_order_completed(post, landed, now):
    body = json.dumps(ORDER).encode()
    post("shopify", body, sign("shopify", body, now))
    arrived = {"receivedAt": "2026-03-02T10:00:00.000Z", "source": "shopify"}
    assert landed() == [
        {
            "type": "identify",
            "messageId": "shopify-order-6200354537772-customer",
            "userId": "77",
            "timestamp": "2026-03-02T10:59:00+01:00",
            "traits": {"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"},
            **arrived,
        },
        {
            "type": "track",
            "event": "Order Completed",
            "messageId": "shopify-order-6200354537772",
            "userId": "77",
            "timestamp": "2026-03-02T10:59:00+01:00",
            "properties": {
                "order_id": "6200354537772",
                "total": 304.0,
                "discount": 5.0,
                "currency": "HKD",
                "products": [{"product_id": "9", "name": "Oolong", "price": 154.5, "quantity": 2}],
            },
            **arrived,
        },
    ]


def test_a_played_back_order_under_another_topic_cancels_nothing(post, landed, now):
    body = json.dumps(ORDER | {"cancelled_at": None}).encode()
    assert post("shopify", body, sign("shopify", body, now, topic="orders/cancelled"))[0] == 200
    assert [record["_refused"]["reason"] for record in landed()] == ["the body is not of this topic"]


def test_stripe_amounts_are_in_the_smallest_unit_of_their_currency(post, landed, now):
    body = json.dumps(CHECKOUT).encode()
    post("stripe", body, sign("stripe", body, now))
    assert [(record["userId"], record["properties"]) for record in landed()] == [
        ("ann", {"order_id": "pi_1", "total": 25000.0, "currency": "JPY", "email": "ann@example.com"})
    ]


def test_a_partial_refund_counts_once_though_stripe_tells_the_sum(post, landed, now):
    charge = {"id": "ch_1", "payment_intent": "pi_1", "currency": "eur", "amount_refunded": 500}
    event = {"id": "evt_2", "type": "charge.refunded", "created": 1772445540}
    body = json.dumps(
        event | {"data": {"object": charge, "previous_attributes": {"amount_refunded": 173}}}
    ).encode()
    post("stripe", body, sign("stripe", body, now))
    assert [record["properties"]["total"] for record in landed()] == [3.27]


def test_a_complaint_that_a_provider_reports_closes_the_address_before_it_is_acknowledged(
    post, store, landed
):
    complaint = {
        "RecordType": "SpamComplaint",
        "ID": 42,
        "MessageID": "p1",
        "Email": "Ann@example.com",
        "BouncedAt": "2026-03-02T09:58:00Z",
    }
    credentials = {"Authorization": "Basic " + base64.b64encode(b"postmark:password").decode()}
    assert post("postmark", complaint, {})[0] == 401
    assert post("postmark", complaint, credentials)[0] == 200
    with store.transaction() as connection:
        closed = connection.execute(suppressions.select()).all()
    assert [row[:3] for row in closed] == [("email", "ann@example.com", "complained")]
    assert [record["event"] for record in landed()] == ["Email Marked as Spam"]


def test_a_sender_without_a_secret_is_not_there(post):
    assert post("mailgun", b"{}", {})[0] == post("nobody", b"{}", {})[0] == 404


def from_shopify(post, now, topic, body):
    raw = json.dumps(body).encode()
    return post("shopify", raw, sign("shopify", raw, now, topic=topic))[0]


def told(landed):
    return [(record.get("event", record["type"]), record["messageId"]) for record in landed()]


CHANGED_ORDER = ORDER | {
    "fulfillment_status": "fulfilled",
    "fulfillments": [{"created_at": "2026-03-02T10:59:10+01:00"}],
    "cancelled_at": "2026-03-02T10:59:30+01:00",
    "refunds": [
        {
            "id": 5,
            "created_at": "2026-03-02T10:59:20+01:00",
            "transactions": [{"kind": "refund", "status": "success", "amount": "4.00", "currency": "HKD"}],
        }
    ],
}


@pytest.mark.parametrize("topic", ["orders/updated", "orders/edited", "orders/fulfilled"])
def test_a_changed_order_tells_all_that_has_become_of_it_under_the_ids_of_the_first_time(
    post, landed, now, topic
):
    assert from_shopify(post, now, topic, CHANGED_ORDER) == 200
    assert told(landed) == [
        ("identify", "shopify-order-6200354537772-customer"),
        ("Order Completed", "shopify-order-6200354537772"),
        ("Order Fulfilled", "shopify-order-6200354537772-fulfilled"),
        ("Order Refunded", "shopify-refund-5"),
        ("Order Cancelled", "shopify-order-6200354537772-cancelled"),
    ]


def test_a_time_in_an_id_does_not_depend_on_the_shops_zone(post, landed, now):
    for moment in ("2026-03-02T10:59:00+01:00", "2026-03-02T09:59:00Z"):
        product = {"id": 9, "title": "Oolong", "variants": [], "updated_at": moment}
        assert from_shopify(post, now, "products/update", product) == 200
    assert told(landed) == [("Product Updated", "shopify-product-9-2026-03-02T09:59:00Z")] * 2


@pytest.mark.parametrize(
    ("topic", "body", "event"),
    [
        (
            "customers_email_marketing_consent/update",
            {"customer_id": 77, "email_address": "ann@example.com", "email_marketing_consent": {}},
            ("email", "Unsubscribed"),
        ),
        (
            "customers_marketing_consent/update",
            {"id": 77, "phone": "+43660000001", "sms_marketing_consent": {}},
            ("sms", "Unsubscribed"),
        ),
    ],
)
def test_a_consent_taken_back_in_the_shop_arrives(post, landed, now, topic, body, event):
    consent = {"state": "unsubscribed", "consent_updated_at": "2026-03-02T09:59:00Z"}
    name = f"{event[0]}_marketing_consent"
    assert from_shopify(post, now, topic, body | {name: consent}) == 200
    [record] = landed()
    assert (record["userId"], record["properties"]["channel"], record["event"]) == ("77", *event)


def test_a_stock_level_lands_with_its_item_and_place(post, landed, now):
    level = {"inventory_item_id": 1, "location_id": 2, "available": 0, "updated_at": "2026-03-02T09:59:00Z"}
    assert from_shopify(post, now, "inventory_levels/update", level) == 200
    [record] = landed()
    assert (record["event"], record["properties"]) == (
        "Inventory Level Updated",
        {"inventory_item_id": "1", "location_id": "2", "inventory_quantity": 0},
    )


ANNS_DATA = {
    "shop_id": 1,
    "shop_domain": "tea.myshopify.com",
    "customer": {"id": 77, "email": "ann@x.example"},
}
NOTICES = {
    "customers/data_request": (
        ANNS_DATA | {"orders_requested": [5], "data_request": {"id": 9}},
        ("data_requested", "77", {"orders": ["5"], "request": "9", "shop": "tea.myshopify.com"}),
    ),
    "customers/redact": (
        ANNS_DATA | {"orders_to_redact": [5, 6]},
        ("erasure_requested", "77", {"orders": ["5", "6"], "shop": "tea.myshopify.com"}),
    ),
    "shop/redact": (
        {"shop_id": 1, "shop_domain": "tea.myshopify.com"},
        ("shop_erasure_requested", "1", {"shop": "tea.myshopify.com"}),
    ),
    "app/uninstalled": (
        {"id": 1, "myshopify_domain": "tea.myshopify.com", "updated_at": "2025-01-01T00:00:00Z"},
        ("app_uninstalled", "1", {"shop": "tea.myshopify.com"}),
    ),
}


@pytest.mark.parametrize("topic", NOTICES)
def test_what_shopify_must_tell_every_app_is_acknowledged_and_audited_without_an_address(
    post, store, landed, now, topic
):
    body, expected = NOTICES[topic]
    assert from_shopify(post, now, topic, body) == 200
    assert landed() == []
    with store.transaction() as connection:
        [entry] = read_audit(connection)
    assert (entry.action, entry.subject, json.loads(entry.details)) == expected
    assert post("shopify", body, {"X-Shopify-Topic": topic})[0] == 401


def test_an_old_order_is_no_notice_whatever_topic_is_claimed_for_it(post, now):
    old = ORDER | {"updated_at": "2026-02-28T10:00:00Z", "shop_domain": "tea.myshopify.com"}
    assert from_shopify(post, now, "customers/redact", old) == 401
