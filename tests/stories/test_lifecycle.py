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


def test_cart_recovery(shop: Shop) -> None:
    for person in ("ann", "bob", "eve"):
        shop.meets(person, at="mon 9 feb 08:00", subscribed=person != "eve")
    shop.runs_at("mon 9 feb 09:00", "wed 11 feb 09:00", "sat 14 feb 09:00")
    for person in ("ann", "bob", "eve"):
        shop.leaves_a_cart(person, at="mon 9 mar 09:00")
    shop.runs_at("mon 9 mar 09:59", "mon 9 mar 10:00")
    shop.orders("bob", at="tue 10 mar 09:59")
    shop.runs_at("tue 10 mar 10:00", "wed 11 mar 09:00", "wed 11 mar 10:00", "thu 12 mar 12:00")
    assert shop.messages("ann")[3:] == [
        ("mon 9 mar 10:00", "email/cart_reminder"),
        ("tue 10 mar 10:00", "email/cart_offer"),
        ("wed 11 mar 10:00", "email/cart_last_call"),
    ]
    assert shop.messages("bob")[3:] == [
        ("mon 9 mar 10:00", "email/cart_reminder"),
        ("tue 10 mar 10:00", "email/order_confirmation"),
    ]
    assert shop.messages("eve") == []
    assert shop.unsent("eve")[0] == ("email/cart_reminder", "skipped", "no_consent")


def test_post_purchase(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 mar 08:00", subscribed=False)
    shop.orders("ann", at="mon 9 mar 08:30", product="kettle")
    shop.runs("mon 9 mar 09:00")
    shop.subscribes("ann", at="thu 12 mar 08:00")
    shop.orders("ann", at="thu 12 mar 08:30", product="filter")
    shop.runs_at("thu 12 mar 09:00", "sun 15 mar 09:00", "mon 16 mar 09:00", "thu 19 mar 09:00",
                 "wed 8 apr 08:00", "wed 8 apr 09:00")
    assert [message for message in shop.messages("ann") if "welcome" not in message[1]] == [
        ("mon 9 mar 09:00", "email/order_confirmation"),
        ("thu 12 mar 09:00", "email/order_confirmation"),
        ("thu 12 mar 09:00", "email/shipping_update"),
        ("sun 15 mar 09:00", "email/shipping_update"),
        ("mon 16 mar 09:00", "email/review_request"),
        ("thu 19 mar 09:00", "email/review_request"),
        ("wed 8 apr 09:00", "email/replenishment"),
    ]


def test_win_back(shop: Shop) -> None:
    for person in ("ann", "bob", "cat"):
        shop.meets(person, at="mon 9 feb 08:00")
        shop.orders(person, at="mon 9 feb 09:00")
    shop.runs_at("mon 9 feb 10:00", "sun 10 may 08:00", "sun 10 may 09:00")
    shop.opens("bob", "email/win_back_miss_you", at="mon 11 may 10:00")
    shop.orders("cat", at="tue 12 may 10:00")
    shop.runs_at("sun 17 may 09:00", "sun 24 may 09:00")
    assert shop.messages("ann")[-3:] == [
        ("sun 10 may 09:00", "email/win_back_miss_you"),
        ("sun 17 may 09:00", "email/win_back_offer"),
        ("sun 24 may 09:00", "email/win_back_last_call"),
    ]
    assert shop.messages("bob")[-1] == ("sun 10 may 09:00", "email/win_back_miss_you")
    assert ("win_back", "sun 17 may 09:00", "goal") in shop.exits("cat")


def test_browse_abandonment(shop: Shop) -> None:
    for person in ("ann", "bob"):
        shop.meets(person, at="mon 9 feb 08:00")
    shop.runs_at("mon 9 feb 09:00", "wed 11 feb 09:00", "sat 14 feb 09:00")
    for person in ("ann", "bob"):
        shop.views(person, "kettle", at="mon 9 mar 09:00")
        shop.views(person, "sencha", at="mon 9 mar 09:10")
    shop.leaves_a_cart("bob", at="mon 9 mar 09:15")
    shop.runs_at("mon 9 mar 11:00", "mon 9 mar 12:00")
    assert shop.messages("ann")[3:] == [("mon 9 mar 12:00", "email/browse_reminder")]
    assert shop.messages("bob")[3:] == [("mon 9 mar 11:00", "email/cart_reminder")]


def test_birthday(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 feb 08:00", birthday="1988-03-29", timezone="Europe/Berlin")
    shop.meets("bob", at="mon 9 feb 08:00", birthday="1990-03-29", timezone="America/New_York")
    shop.runs_at("mon 9 feb 09:00", "wed 11 feb 09:00", "sat 14 feb 09:00")
    shop.runs_at("sat 28 mar 23:00", "sun 29 mar 06:00", "sun 29 mar 07:00", "sun 29 mar 12:00", "sun 29 mar 13:00")
    assert shop.messages("ann")[3:] == [("sun 29 mar 07:00", "email/birthday")]
    assert shop.messages("bob")[3:] == [("sun 29 mar 13:00", "email/birthday")]


def test_vip_entry(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 feb 08:00")
    shop.installs_the_app("ann", at="mon 9 feb 08:10")
    shop.runs_at("mon 9 feb 09:00", "wed 11 feb 09:00", "sat 14 feb 09:00")
    shop.orders("ann", at="mon 9 mar 08:30", product="machine")
    shop.runs_at("mon 9 mar 09:00", "mon 9 mar 10:00", "tue 10 mar 06:00", "tue 10 mar 10:00")
    assert [message for message in shop.messages("ann") if "order" not in message[1]][3:] == [
        ("mon 9 mar 09:00", "email/vip_welcome"),
        ("mon 9 mar 10:00", "profile/tier"),
        ("tue 10 mar 10:00", "push/vip_welcome"),
    ]


def test_newsletter(shop: Shop) -> None:
    shop.meets("ann", at="mon 9 feb 08:00", timezone="Europe/Berlin")
    shop.meets("bob", at="mon 9 feb 08:00", timezone="America/New_York")
    shop.meets("eve", at="mon 9 feb 08:00")
    shop.runs_at("mon 9 feb 09:00", "wed 11 feb 09:00", "sat 14 feb 09:00")
    shop.unsubscribes("eve", at="sat 28 feb 20:00")
    shop.runs_at("sun 1 mar 05:00", "sun 1 mar 09:00", "sun 1 mar 14:00", "sun 1 mar 15:00")
    assert shop.messages("ann")[3:] == [("sun 1 mar 09:00", "email/newsletter")]
    assert shop.messages("bob")[3:] == [("sun 1 mar 15:00", "email/newsletter")]
    assert shop.messages("eve")[3:] == []
