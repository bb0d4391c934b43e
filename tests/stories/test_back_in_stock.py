"""Back in stock: first come, first served, never more at once than there are pieces, all within the hour."""

from __future__ import annotations

from tests.shop import Shop

BACK = "email/back_in_stock"


def test_two_kettles_and_five_who_wait(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.has_customer("dan", subscribed=False)
    shop.has_left("kettle", 0, at="mon 2 feb 09:00")
    for minute, person in enumerate(("ann", "bob", "cid", "dan", "eve")):
        shop.asks_for(person, "kettle", at=f"mon 9 mar 08:0{minute}")
    shop.asks_for("ann", "kettle", at="mon 9 mar 08:30")
    shop.asks_for("fay", "machine", at="mon 9 mar 08:30")
    shop.has_left("kettle", 2, at="mon 9 mar 10:00")
    shop.runs_at("mon 9 mar 10:00", "mon 9 mar 10:05")
    shop.orders("ann", at="mon 9 mar 10:06", product="kettle")
    shop.orders("dan", at="mon 9 mar 10:07", product="kettle")
    shop.has_left("kettle", 1, at="mon 9 mar 10:08")
    shop.runs_at("mon 9 mar 10:15", "mon 9 mar 10:30")
    assert [shop.told(person, BACK) for person in ("ann", "bob", "cid", "eve")] == [
        ["mon 9 mar 10:00"],
        ["mon 9 mar 10:00"],
        ["mon 9 mar 10:15"],
        ["mon 9 mar 10:30"],
    ]
    assert shop.told("dan", BACK) == shop.told("fay", BACK) == []


def test_who_was_not_told_before_it_was_gone_again_is_told_when_it_returns(shop: Shop) -> None:
    shop.has_left("kettle", 0, at="mon 2 feb 09:00")
    for minute, person in enumerate(("ann", "bob", "cid")):
        shop.asks_for(person, "kettle", at=f"mon 9 mar 08:0{minute}")
    shop.has_left("kettle", 1, at="mon 9 mar 09:00")
    shop.runs("mon 9 mar 09:00")
    shop.has_left("kettle", 0, at="mon 9 mar 09:10")
    shop.asks_for("ann", "kettle", at="mon 9 mar 09:12")
    shop.runs("mon 9 mar 09:15")
    assert [shop.told(person, BACK) for person in ("ann", "bob")] == [["mon 9 mar 09:00"], []]
    shop.has_left("kettle", 5, at="tue 10 mar 09:00")
    shop.asks_for("dan", "kettle", at="tue 10 mar 09:01")
    shop.runs_at("tue 10 mar 09:05", "tue 10 mar 09:30")
    assert [shop.told(person, BACK) for person in ("ann", "bob", "cid", "dan")] == [
        ["mon 9 mar 09:00", "tue 10 mar 09:05"],
        ["tue 10 mar 09:05"],
        ["tue 10 mar 09:05"],
        [],
    ]
