"""The pull from Shopify: complete, once, at the pace that is allowed, whatever happens on the way."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import datetime
from functools import partial

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.collector.sources import shopify as webhooks
from connectors.errors import StopSync, TryAgain
from connectors.feedback.model import Post
from connectors.http import HttpClient
from connectors.landing import FolderLanding
from connectors.pull.graphql import AdminApi
from dagster_project.imports.shopify import BadShopError, StateFile, endpoint, pull_shop
from tests.connectors.pull import shop as far_end
from tests.connectors.pull.shop import Shop, money, order

NOW = datetime(2026, 3, 2, 10)
PASSING = [
    far_end.bad_gateway,
    far_end.too_many,
    far_end.half_an_answer,
    far_end.no_json,
    far_end.broken_inside,
]


def pull_into(folder, shop, *, token="shpat_right", **options):
    """One pull into the landing below a folder; its counts."""

    async def talk():
        app = web.Application()
        app.router.add_post("/graphql.json", shop.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        http = HttpClient({"X-Shopify-Access-Token": token})
        host, port = runner.addresses[0]
        api = AdminApi(http, f"http://{host}:{port}/graphql.json", shop.sleep)
        try:
            landing, state = FolderLanding(folder / "landing"), StateFile(folder / "state.json")
            return await pull_shop(api, landing, state, NOW, **options)
        finally:
            await http.close()
            await runner.cleanup()

    return asyncio.run(talk())


def landed_in(folder):
    landing = FolderLanding(folder / "landing")
    files = [landing.read(file.name) for file in landing.files()]
    return [json.loads(row) for file in files for row in file.read().splitlines()]


@pytest.fixture
def pull(tmp_path):
    return partial(pull_into, tmp_path)


@pytest.fixture
def landed(tmp_path):
    return partial(landed_in, tmp_path)


def ids(records):
    return sorted(record["messageId"] for record in records)


def test_every_order_is_pulled_once_within_what_the_bucket_allows(pull, landed):
    shop = Shop(orders=[order(number) for number in range(120)])
    assert pull(shop, only=["orders"]) == {"orders": 120}
    assert ids(landed()) == sorted(f"shopify-order-{number}" for number in range(120))
    assert shop.answers["throttled"] == 0  # it waits before it asks rather than being told to
    assert shop.slept > 0


def test_somebody_else_may_empty_the_bucket(pull, landed):
    shop = Shop(orders=[order(number) for number in range(30)])
    shop.points = 5.0
    pull(shop, only=["orders"])
    assert shop.answers["throttled"] == 1
    assert len(landed()) == 30


def test_an_order_with_more_lines_than_fit_a_page_has_them_all(pull, landed):
    pull(Shop(orders=[order(1, lines=60)]))
    [record] = landed()
    assert [line["name"] for line in record["properties"]["products"]] == [f"Tea {n}" for n in range(60)]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(faults=st.lists(st.sampled_from([*PASSING, None, None]), max_size=7))
def test_whatever_fails_in_between_nothing_is_missing_or_there_twice(tmp_path_factory, faults):
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(orders=[order(number) for number in range(110)])
    shop.faults = list(faults)
    assert pull_into(folder, shop)["orders"] == 110
    assert ids(landed_in(folder)) == sorted(f"shopify-order-{number}" for number in range(110))


def test_a_pull_that_dies_goes_on_where_it_stopped(pull, landed):
    shop = Shop(orders=[order(number) for number in range(120)])
    shop.faults = [None] * 3 + [far_end.bad_gateway] * 8
    with pytest.raises(TryAgain, match="did not answer in 8 attempts"):
        pull(shop, only=["orders"])
    before = len(landed())
    assert 0 < before < 120
    shop.asked.clear()
    pull(shop, only=["orders"])
    assert shop.asked[0]["after"] == str(before)
    assert ids(landed()) == sorted(f"shopify-order-{number}" for number in range(120))


def test_the_next_pull_asks_only_for_what_has_changed_since_the_last_one_began(pull):
    shop = Shop(orders=[order(1)])
    pull(shop, only=["orders"])
    shop.asked.clear()
    assert pull(shop, only=["orders"]) == {"orders": 0}
    assert {asked["filter"] for asked in shop.asked} == {"updated_at:>='2026-03-02T09:55:00Z'"}


@pytest.mark.parametrize(("token", "faults"), [("shpat_wrong", []), ("shpat_right", [far_end.no_scope])])
def test_a_wrong_token_or_a_missing_scope_is_for_a_person_to_mend(pull, token, faults):
    shop = Shop(orders=[order(1)])
    shop.faults = faults
    with pytest.raises(StopSync):
        pull(shop, token=token)
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    "name", ["evil.example", "tea.myshopify.com.evil.example", "tea", "a/b.myshopify.com"]
)
def test_the_token_goes_to_shopify_alone(name):
    with pytest.raises(BadShopError, match=r"tea\.myshopify\.com"):
        endpoint(name)


PULLED = order(6200354537772) | {
    "cancelledAt": "2026-02-02T10:00:00Z",
    "displayFulfillmentStatus": "FULFILLED",
    "fulfillments": [{"createdAt": "2026-02-01T12:00:00Z"}],
    "totalDiscountsSet": money("2.0"),
    "customer": {
        "legacyResourceId": "77",
        "firstName": "Ann",
        "lastName": "Lee",
        "createdAt": "2026-01-01T00:00:00Z",
        "defaultEmailAddress": {"emailAddress": "ann@example.com"},
        "defaultPhoneNumber": None,
    },
    "refunds": [
        {
            "legacyResourceId": "5",
            "createdAt": "2026-02-01T13:00:00Z",
            "transactions": {"nodes": [{"kind": "REFUND", "status": "SUCCESS", "amountSet": money("4.0")}]},
        }
    ],
}
TOLD = {
    "id": 6200354537772,
    "created_at": PULLED["createdAt"].replace("T10", "T11").replace("Z", "+01:00"),
    "updated_at": "2026-02-02T11:00:00+01:00",
    "cancelled_at": "2026-02-02T11:00:00+01:00",
    "total_price": "30.00",
    "total_discounts": "2.00",
    "currency": "EUR",
    "email": "ann@example.com",
    "customer": {
        "id": 77,
        "email": "ann@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "created_at": "2026-01-01T00:00:00Z",
    },
    "fulfillment_status": "fulfilled",
    "fulfillments": [{"created_at": "2026-02-01T13:00:00+01:00"}],
    "refunds": [
        {
            "id": 5,
            "created_at": "2026-02-01T14:00:00+01:00",
            "transactions": [{"kind": "refund", "status": "success", "amount": "4.00", "currency": "EUR"}],
        }
    ],
    "line_items": [
        {"product_id": 100, "variant_id": None, "title": "Tea 0", "price": "30.00", "quantity": 1}
    ],
}


def test_a_pulled_order_says_what_its_webhook_said_under_the_same_ids(pull, landed):
    pull(Shop(orders=[PULLED]), only=["orders"])
    body = json.dumps(TOLD).encode()
    signature = base64.b64encode(hmac.new(b"secret", body, hashlib.sha256).digest()).decode()
    headers = {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": "orders/updated"}
    told = webhooks.records(Post(body, datetime(2026, 2, 2, 10), headers))
    assert len(told) == 5
    assert [_without_times(call) for call in landed()] == [_without_times(call) for call in told]


def _without_times(call):
    return {name: value for name, value in call.items() if name not in ("timestamp", "receivedAt", "source")}


def test_customers_and_products_are_pulled_with_consents_and_stock(pull, landed):
    customer = PULLED["customer"] | {
        "updatedAt": "2026-02-01T00:00:00Z",
        "defaultEmailAddress": {
            "emailAddress": "ann@example.com",
            "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "CONFIRMED_OPT_IN",
            "marketingUpdatedAt": "2026-01-05T00:00:00Z",
        },
    }
    product = {
        "legacyResourceId": "9",
        "title": "Oolong",
        "productType": "",
        "updatedAt": "2026-02-01T00:00:00Z",
        "totalInventory": 3,
        "priceRangeV2": {"minVariantPrice": {"amount": "12.5"}},
        "featuredMedia": None,
    }
    assert pull(Shop(customers=[customer], products=[product])) == {
        "products": 1,
        "customers": 2,
        "orders": 0,
    }
    assert ids(landed()) == [
        "shopify-consent-77-email-2026-01-05T00:00:00Z",
        "shopify-customer-77-2026-02-01T00:00:00Z",
        "shopify-product-9-2026-02-01T00:00:00Z",
    ]
    by_event = {record.get("event", record["type"]): record for record in landed()}
    assert by_event["Subscribed"]["properties"] == {
        "channel": "email",
        "source": "shopify",
        "proof": "confirmed_opt_in",
    }
    assert by_event["Product Updated"]["properties"]["inventory_quantity"] == 3


def test_addresses_are_hashed_where_the_installation_hashes_them(pull, tmp_path):
    pull(Shop(orders=[PULLED]), pii_secret="pepper")
    assert not any(b"ann@" in path.read_bytes() for path in (tmp_path / "landing").rglob("*.ndjson"))
