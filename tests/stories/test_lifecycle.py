"""The shipped flows, told from the customer's side. Steps come at the first run at which they are due."""

from __future__ import annotations

from tests.shop import Shop


def test_welcome(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 mar 08:30")
    shop.meets("bob", at="mon 9 mar 08:40")
    shop.runs("mon 9 mar 09:00")
    shop.orders("bob", at="tue 10 mar 12:00", product="filter")
    shop.runs_at("wed 11 mar 08:00", "wed 11 mar 09:00", "sat 14 mar 08:00", "sat 14 mar 09:00")
    assert shop.messages("ann") == [
        ("mon 9 mar 09:00", "email/welcome"),
        ("wed 11 mar 09:00", "email/welcome_recommendations"),
        ("sat 14 mar 09:00", "email/welcome_first_purchase"),
    ]
    assert shop.messages("bob") == [
        ("mon 9 mar 09:00", "email/welcome"),
        ("wed 11 mar 08:00", "email/order_confirmation"),
        ("sat 14 mar 08:00", "email/shipping_update"),
    ]
    assert shop.exits("bob") == [("welcome", "wed 11 mar 08:00", "goal")]


def test_who_says_yes_while_buying_is_welcomed_without_a_code_for_a_first_order(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 mar 08:30")
    shop.orders("ann", at="mon 9 mar 08:30")
    shop.meets("bob", at="fri 6 mar 08:30", subscribed=False)
    shop.orders("bob", at="fri 6 mar 08:30")
    shop.subscribes("bob", at="mon 9 mar 08:30")
    shop.meets("eve", at="mon 9 mar 08:30")
    shop.cancels("eve", shop.orders("eve", at="mon 9 mar 08:20"), at="mon 9 mar 08:50")
    shop.runs_at(
        "mon 9 mar 09:00", "wed 11 mar 09:00", "sat 14 mar 08:00", "sat 14 mar 09:00", "sun 15 mar 09:00"
    )
    welcomes = [("mon 9 mar 09:00", "email/welcome"), ("wed 11 mar 09:00", "email/welcome_recommendations")]
    for person in ("ann", "bob"):
        assert [said for said in shop.messages(person) if "welcome" in said[1]] == welcomes
        assert ("welcome", "sat 14 mar 09:00", "completed") in shop.exits(person)
    assert shop.messages("eve") == [*welcomes, ("sat 14 mar 09:00", "email/welcome_first_purchase")]


def test_cart_recovery(shop: Shop) -> None:
    for person in ("ann", "bob", "eve"):
        shop.has_customer(person, subscribed=person != "eve")
        shop.leaves_a_cart(person, at="mon 9 mar 09:00")
    shop.runs_at("mon 9 mar 09:59", "mon 9 mar 10:00")
    shop.orders("bob", at="tue 10 mar 09:59")
    shop.runs_at("tue 10 mar 10:00", "wed 11 mar 09:00", "wed 11 mar 10:00")
    assert shop.messages("ann") == [
        ("mon 9 mar 10:00", "email/cart_reminder"),
        ("tue 10 mar 10:00", "email/cart_offer"),
        ("wed 11 mar 10:00", "email/cart_last_call"),
    ]
    assert shop.messages("bob") == [
        ("mon 9 mar 10:00", "email/cart_reminder"),
        ("tue 10 mar 10:00", "email/order_confirmation"),
    ]
    assert shop.exits("bob") == [("cart_recovery", "tue 10 mar 10:00", "goal")]
    assert shop.messages("eve") == []
    assert shop.unsent("eve")[0] == ("email/cart_reminder", "skipped", "no_consent")


def test_post_purchase(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.orders("ann", at="mon 9 mar 08:30", product="kettle")
    shop.runs("mon 9 mar 09:00")
    shop.orders("ann", at="thu 12 mar 08:30", product="filter")
    shop.runs_at(
        "thu 12 mar 09:00", "sun 15 mar 09:00", "mon 16 mar 09:00", "wed 8 apr 08:00", "wed 8 apr 09:00"
    )
    assert shop.messages("ann") == [
        ("mon 9 mar 09:00", "email/order_confirmation"),
        ("thu 12 mar 09:00", "email/order_confirmation"),
        ("thu 12 mar 09:00", "email/shipping_update"),
        ("sun 15 mar 09:00", "email/shipping_update"),
        ("mon 16 mar 09:00", "email/review_request"),
        ("wed 8 apr 08:00", "email/review_request"),
        ("wed 8 apr 09:00", "email/replenishment"),
    ]


def test_of_a_cancelled_order_nothing_more_is_heard_and_the_other_order_goes_on(shop: Shop) -> None:
    shop.has_customer("ann")
    cancelled = shop.orders("ann", at="mon 9 mar 08:30", product="kettle")
    shop.orders("ann", at="mon 9 mar 08:40", product="filter")
    shop.runs("mon 9 mar 09:00")
    shop.cancels("ann", cancelled, at="tue 10 mar 12:00")
    shop.runs_at("tue 10 mar 13:00", "thu 12 mar 09:00", "mon 16 mar 09:00", "wed 8 apr 09:00")
    assert shop.messages("ann") == [
        ("mon 9 mar 09:00", "email/order_confirmation"),
        ("mon 9 mar 09:00", "email/order_confirmation"),
        ("thu 12 mar 09:00", "email/shipping_update"),
        ("mon 16 mar 09:00", "email/review_request"),
        ("wed 8 apr 09:00", "email/replenishment"),
    ]


def test_a_parcel_is_announced_by_text_to_whom_asked_for_texts(shop: Shop) -> None:
    for person in ("ann", "bob"):
        shop.has_customer(person, phone=f"+4366412345{len(person)}{ord(person[0])}")
        shop.orders(person, at="mon 9 mar 08:30")
    shop.subscribes("ann", at="mon 9 mar 08:45", channel="sms")
    shop.runs_at("mon 9 mar 09:00", "thu 12 mar 09:00", "mon 16 mar 09:00")
    for person, shipping in (("ann", "sms/shipping_update"), ("bob", "email/shipping_update")):
        assert shop.messages(person) == [
            ("mon 9 mar 09:00", "email/order_confirmation"),
            ("thu 12 mar 09:00", shipping),
            ("mon 16 mar 09:00", "email/review_request"),
        ]


def test_win_back(shop: Shop) -> None:
    for person in ("ann", "bob", "cat"):
        shop.has_customer(person)
        shop.orders(person, at="mon 9 feb 09:00")
    shop.runs_at("sun 10 may 08:00", "sun 10 may 09:00")
    shop.opens("bob", "email/win_back_miss_you", at="mon 11 may 10:00")
    shop.orders("cat", at="tue 12 may 10:00")
    shop.runs_at("sun 17 may 09:00", "sun 24 may 09:00")
    assert shop.messages("ann") == [
        ("sun 10 may 09:00", "email/win_back_miss_you"),
        ("sun 17 may 09:00", "email/win_back_offer"),
        ("sun 24 may 09:00", "email/win_back_last_call"),
    ]
    assert shop.messages("bob") == [("sun 10 may 09:00", "email/win_back_miss_you")]
    assert shop.exits("cat") == [("win_back", "sun 17 may 09:00", "goal")]


def test_churn_rescue_long_before_win_back(shop: Shop) -> None:
    for person in ("ann", "bob", "dan"):
        shop.has_customer(person)
        shop.orders(person, at="thu 12 feb 09:00")
    for person in ("ann", "bob"):
        shop.orders(person, at="mon 2 feb 09:00")
    shop.runs_at("sun 12 apr 09:00", "mon 13 apr 12:00")
    shop.orders("bob", at="tue 14 apr 09:00")
    shop.runs_at("sat 18 apr 12:00", "wed 13 may 09:00")
    assert shop.messages("ann") == [
        ("mon 13 apr 12:00", "email/churn_rescue_check_in"),
        ("sat 18 apr 12:00", "email/churn_rescue_offer"),
        ("wed 13 may 09:00", "email/win_back_miss_you"),
    ]
    assert shop.messages("bob")[:1] == [("mon 13 apr 12:00", "email/churn_rescue_check_in")]
    assert shop.exits("bob")[0] == ("churn_rescue", "sat 18 apr 12:00", "goal")
    assert shop.messages("dan") == [("wed 13 may 09:00", "email/win_back_miss_you")], "one order is no rhythm"


def test_browse_abandonment(shop: Shop) -> None:
    for person in ("ann", "bob"):
        shop.has_customer(person)
        shop.views(person, "kettle", at="mon 9 mar 09:00")
        shop.views(person, "sencha", at="mon 9 mar 09:10")
    shop.leaves_a_cart("bob", at="mon 9 mar 09:15")
    shop.runs_at("mon 9 mar 11:00", "mon 9 mar 12:00")
    assert shop.messages("ann") == [("mon 9 mar 12:00", "email/browse_reminder")]
    assert shop.messages("bob") == [("mon 9 mar 11:00", "email/cart_reminder")]


def test_price_drop(shop: Shop) -> None:
    for person in ("ann", "bob"):
        shop.has_customer(person)
        shop.views(person, "kettle", at="mon 2 mar 09:00")
    shop.orders("bob", at="tue 3 mar 09:00")
    shop.costs("kettle", 79.00, at="mon 9 mar 08:30")
    shop.runs_at("mon 9 mar 09:00", "mon 9 mar 10:00")
    shop.costs("kettle", 79.00, at="tue 10 mar 08:30")
    shop.runs("tue 10 mar 09:00")
    assert shop.messages("ann") == [("mon 9 mar 09:00", "email/price_drop")]
    assert shop.messages("bob") == [], "who has bought since is not told"


def test_birthday_at_nine_on_the_day_clocks_go_forward(shop: Shop) -> None:
    shop.has_customer("ann", birthday="1988-03-29", timezone="Europe/Berlin")
    shop.has_customer("bob", birthday="1990-03-29", timezone="America/New_York")
    shop.runs_at("sun 29 mar 06:00", "sun 29 mar 07:00", "sun 29 mar 12:00", "sun 29 mar 13:00")
    assert shop.messages("ann") == [("sun 29 mar 07:00", "email/birthday")]
    assert shop.messages("bob") == [("sun 29 mar 13:00", "email/birthday")]


def test_vip_entry_with_a_push_that_waits_for_the_morning(shop: Shop) -> None:
    shop.has_customer("ann")
    shop.installs_the_app("ann", at="mon 2 feb 08:10")
    shop.orders("ann", at="mon 9 mar 04:30", product="machine")
    shop.runs_at("mon 9 mar 05:00", "mon 9 mar 06:00", "tue 10 mar 06:00", "tue 10 mar 07:00")
    assert [message for message in shop.messages("ann") if "order" not in message[1]] == [
        ("mon 9 mar 05:00", "email/vip_welcome"),
        ("mon 9 mar 06:00", "profile/tier"),
        ("tue 10 mar 07:00", "push/vip_welcome"),
    ]


def test_the_newsletter_comes_at_ten_on_everybodys_clock(shop: Shop) -> None:
    shop.has_customer("ann", timezone="Europe/Berlin")
    shop.has_customer("bob", timezone="America/New_York")
    shop.has_customer("eve")
    shop.unsubscribes("eve", at="sat 28 feb 20:00")
    shop.runs_at("sun 1 mar 09:00", "sun 1 mar 14:00", "sun 1 mar 15:00")
    assert shop.messages("ann") == [("sun 1 mar 09:00", "email/newsletter")]
    assert shop.messages("bob") == [("sun 1 mar 15:00", "email/newsletter")]
    assert shop.messages("eve") == []
