"""Online Retail as events: which lines count, whose refund is whose, and nothing is written twice."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.landing import FolderLanding
from dagster_project.imports.online_retail import ImportResult, import_online_retail

COLUMNS = (
    "invoice_no",
    "stock_code",
    "description",
    "quantity",
    "invoice_date",
    "unit_price",
    "customer_id",
    "country",
)
TYPES = (
    pa.string(),
    pa.string(),
    pa.string(),
    pa.int32(),
    pa.timestamp("us"),
    pa.float64(),
    pa.int32(),
    pa.string(),
)

MUG, POST = ("MUG", "RED MUG"), ("POST", "POSTAGE")
FIRST, SECOND = datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 2, 9)


def line(invoice, product, quantity, at, price, customer, country="France"):
    return invoice, *product, quantity, at, price, customer, country


@pytest.fixture
def landed(tmp_path):
    """Write these lines as the file, import it, give the events back as (event, user, timestamp, payload)."""

    def land(*lines, **options):
        path = tmp_path / "online_retail.parquet"
        columns = [
            pa.array(column, kind) for column, kind in zip(zip(*lines, strict=True), TYPES, strict=True)
        ]
        pq.write_table(pa.table(columns, COLUMNS), path)
        landing = FolderLanding(tmp_path / "landing")
        result = import_online_retail(path, landing, **options)
        records = [json.loads(row) for file in landing.files() for row in landing.read(file.name)]
        return result, [
            (
                record.get("event", "identify"),
                record.get("userId"),
                record["timestamp"],
                record.get("properties", record.get("traits")),
            )
            for record in records
        ]

    return land


def test_an_invoice_is_an_order_with_its_duplicates_and_administrative_lines_but_without_corrections(landed):
    result, events = landed(
        line("536365", MUG, 6, FIRST, 2.55, 17850),
        line("536365", MUG, 6, FIRST, 2.55, 17850),
        line("536365", POST, 1, FIRST, 18.0, 17850),
        line("536365", MUG, 10, FIRST, 0.0, 17850),
        line("536366", MUG, -3, FIRST, 0.0, None),
    )
    mug = {"product_id": "MUG", "name": "RED MUG", "quantity": 6, "price": 2.55}
    assert [event for event in events if event[0] == "Order Completed"] == [
        (
            "Order Completed",
            "17850",
            "2010-12-01T08:26:00Z",
            {
                "order_id": "536365",
                "currency": "GBP",
                "products": [
                    mug,
                    mug,
                    {"product_id": "POST", "name": "POSTAGE", "quantity": 1, "price": 18.0},
                ],
            },
        )
    ]
    assert result == ImportResult(
        files_written=1, customers=1, products=2, orders=1, guest_orders=0, refunds=0, unmatched_refunds=0
    )


def test_a_guest_has_no_user_id(landed):
    result, events = landed(line("536365", MUG, 1, FIRST, 2.55, None))
    assert [(name, user) for name, user, *_ in events] == [
        ("Product Updated", None),
        ("Order Completed", None),
    ]
    assert (result.guest_orders, result.customers) == (1, 0)


def test_a_customer_is_identified_once_and_again_in_another_country(landed):
    _, events = landed(
        line("1", MUG, 1, FIRST, 2.0, 7),
        line("2", MUG, 1, SECOND, 2.0, 7),
        line("3", MUG, 1, SECOND, 2.0, 7, "Norway"),
    )
    assert [event for event in events if event[0] == "identify"] == [
        ("identify", "7", "2010-12-01T08:26:00Z", {"country": "France"}),
        ("identify", "7", "2010-12-02T09:00:00Z", {"country": "Norway"}),
    ]


def refunds(events):
    return [
        (user, what["order_id"], what["total"]) for name, user, _, what in events if name == "Order Refunded"
    ]


def test_a_cancellation_refunds_the_latest_earlier_invoice_that_sold_it(landed):
    _, events = landed(
        line("1", MUG, 5, FIRST, 2.5, 7),
        line("2", MUG, 5, SECOND, 2.5, 7),
        line("2", POST, 1, SECOND, 9.0, 7),
        line("C3", MUG, -4, SECOND, 2.5, 7),
        line("C3", POST, -1, SECOND, 9.0, 7),
        line("4", MUG, 5, datetime(2010, 12, 3), 2.5, 7),
    )
    assert refunds(events) == [("7", "2", 19.0)]


def test_a_cancellation_that_no_invoice_fits_keeps_its_own_number(landed):
    """Another customer's mugs, dearer mugs, fewer mugs, later mugs: none of them is what came back."""
    result, events = landed(
        line("1", MUG, 9, FIRST, 2.5, 8),
        line("2", MUG, 9, FIRST, 3.0, 7),
        line("3", MUG, 1, FIRST, 2.5, 7),
        line("C4", MUG, -4, SECOND, 2.5, 7),
        line("5", MUG, 9, datetime(2010, 12, 3), 2.5, 7),
        line("C6", MUG, -1, SECOND, 2.5, None),
    )
    assert refunds(events) == [("7", "C4", 10.0), (None, "C6", 2.5)]
    assert result.unmatched_refunds == 2


def test_what_was_sold_once_is_refunded_once(landed):
    third = datetime(2010, 12, 3)
    _, events = landed(
        line("1", MUG, 5, FIRST, 2.5, 7),
        line("2", MUG, 5, SECOND, 2.5, 7),
        line("C3", MUG, -5, third, 2.5, 7),
        line("C4", MUG, -2, third, 2.5, 7),
        line("C4", MUG, -3, third, 2.5, 7),
        line("C5", MUG, -1, third, 2.5, 7),
    )
    assert refunds(events) == [("7", "2", 12.5), ("7", "1", 12.5), ("7", "C5", 2.5)]


def test_importing_again_writes_nothing_and_a_longer_import_only_the_new_days(landed):
    lines = [line("1", MUG, 1, FIRST, 2.0, 7), line("2", MUG, 1, SECOND, 2.0, 7)]
    assert landed(*lines, until=date(2010, 12, 2))[0].files_written == 1
    assert landed(*lines)[0].files_written == 1
    assert landed(*lines)[0].files_written == 0


def test_addresses_and_consents_are_made_up_only_on_demand(landed):
    lines = [line("1", MUG, 1, FIRST, 2.0, 7), line("2", MUG, 1, SECOND, 2.0, 7)]
    assert not any("email" in what for *_, what in landed(*lines)[1])
    result, events = landed(*lines, with_addresses=True)
    assert result.files_written == 1
    assert [event[1:] for event in events if "email" in event[3].values() or "email" in event[3]] == [
        ("7", "2010-12-01T08:26:00Z", {"email": "7@customers.example"}),
        (
            "7",
            "2010-12-01T08:26:00Z",
            {"channel": "email", "purpose": "marketing", "source": "online_retail"},
        ),
    ]
