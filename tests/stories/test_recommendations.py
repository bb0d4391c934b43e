"""What a mail shows was worked out in the night, and is looked at again when the mail is made."""

from __future__ import annotations

from tests.shop import Shop


def test_what_sold_out_since_the_night_is_not_in_the_mail(shop: Shop) -> None:
    for hour, person in enumerate(("bob", "cyd", "dan")):
        shop.has_customer(person)
        for minute, product in enumerate(("espresso", "filter", "sencha", "kettle")):
            shop.views(person, product, at=f"sun 8 mar 1{hour}:0{minute}")
        shop.orders(person, at=f"sun 8 mar 1{hour}:30", product="machine")
    shop.runs("mon 9 mar 04:00")
    shop.works_through_the_night("mon 9 mar 04:00")
    shop.has_left("filter", 0, at="mon 9 mar 08:00")
    shop.meets("ann", at="mon 9 mar 08:30")
    shop.views("ann", "espresso", at="mon 9 mar 08:40")
    shop.runs("mon 9 mar 09:00")
    assert shop.shown_to("ann") == [
        ("kettle", "viewed_together", "Espresso"),
        ("sencha", "viewed_together", "Espresso"),
        ("machine", "popular", None),
    ]
