"""What becomes known late still counts: whose an order was, that there was one, and who has had enough."""

from __future__ import annotations

from tests.shop import Shop


def test_an_order_on_a_browser_that_turns_out_to_be_anns_ends_her_welcome(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 mar 08:30")
    shop.runs("mon 9 mar 09:00")
    shop.buys_on("browser", at="tue 10 mar 12:00")
    shop.runs_at("wed 11 mar 09:00", "fri 13 mar 09:00")
    shop.signs_in("ann", "browser", at="fri 13 mar 09:30")
    shop.runs_at("fri 13 mar 10:00", "sat 14 mar 09:00")
    assert [exit_ for exit_ in shop.exits("ann") if exit_[0] == "welcome"] == [
        ("welcome", "fri 13 mar 10:00", "goal")
    ]
    assert "email/welcome_first_purchase" not in [message for _, message in shop.messages("ann")]


def test_an_order_of_the_hour_before_a_cart_counts_as_abandoned_that_lands_late(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.leaves_a_cart("ann", at="mon 9 mar 09:00")
    shop.orders("ann", at="mon 9 mar 09:30", known="mon 9 mar 11:00")
    shop.runs_at("mon 9 mar 10:00", "mon 9 mar 11:00", "tue 10 mar 10:00", "wed 11 mar 10:00")
    assert shop.messages("ann") == [
        ("mon 9 mar 10:00", "email/cart_reminder"),
        ("mon 9 mar 11:00", "email/order_confirmation"),
    ]
    assert shop.exits("ann") == [("cart_recovery", "mon 9 mar 11:00", "ordered")]


def test_an_order_of_the_week_before_win_back_that_lands_late(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.orders("ann", at="mon 9 feb 09:00")
    shop.orders("ann", at="thu 7 may 18:00", product="sencha", known="mon 11 may 10:00")
    shop.runs_at(
        "mon 9 feb 10:00", "sun 10 may 10:00", "mon 11 may 10:00", "sun 17 may 10:00", "sun 24 may 10:00"
    )
    win_back = [(at, sent) for at, sent in shop.messages("ann") if "win_back" in sent]
    assert win_back == [("sun 10 may 10:00", "email/win_back_miss_you")]
    assert ("win_back", "mon 11 may 10:00", "ordered") in shop.exits("ann")


def test_an_order_of_that_week_that_was_taken_back_ends_no_win_back(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.orders("ann", at="mon 9 feb 09:00")
    shop.runs("mon 9 feb 10:00")
    order = shop.orders("ann", at="thu 7 may 18:00", product="sencha")
    shop.cancels("ann", order, at="fri 8 may 12:00")
    shop.runs_at("sun 10 may 10:00", "sun 17 may 10:00")
    assert [(at, sent) for at, sent in shop.messages("ann") if "win_back" in sent] == [
        ("sun 10 may 10:00", "email/win_back_miss_you"),
        ("sun 17 may 10:00", "email/win_back_offer"),
    ]


def test_who_has_enough_of_news_still_hears_of_the_parcel(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.orders("ann", at="mon 9 mar 08:30")
    shop.runs("mon 9 mar 09:00")
    shop.unsubscribes("ann", at="tue 10 mar 12:00")
    shop.runs_at("tue 10 mar 13:00", "thu 12 mar 09:00", "mon 16 mar 09:00")
    assert shop.messages("ann") == [
        ("mon 9 mar 09:00", "email/order_confirmation"),
        ("thu 12 mar 09:00", "email/shipping_update"),
    ]
    assert shop.unsent("ann") == [("email/review_request", "skipped", "suppressed")]
