"""What the demo shop sells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dagster_project.demo.records import Record, record

CURRENCY = "EUR"

_RANGE = {
    "Coffee": "House Blend 9, Morning Roast 11, Decaf 10, Yirgacheffe 16, Espresso 13, Sampler 24",
    "Tea": "Assam Breakfast 8, Sencha Spring 12, Rooibos 7, First Flush 19, Mint Garden 6, Tea Chest 34",
    "Brewing": "Pour-over Cone 22, French Press 35, Moka Pot 29, Swan Kettle 64, Cold Brew Jug 31, Filters 5",
    "Grinders": "Pocket Mill 48, Kitchen Mill 79, Burr Grinder 139, Cleaning Brush 7",
    "Cups": "Stoneware Mug 14, Glass Tumbler 9, Espresso Cup 11, Travel Flask 27, Set of Four 42",
    "Gifts": "Tasting Box 39, Barista Apron 33, Brew Guide 18, Gift Card 50",
}


@dataclass(frozen=True)
class Product:
    """One thing for sale; `price` in `CURRENCY`."""

    product_id: str
    name: str
    category: str
    price: float

    def properties(self) -> Record:
        """As events name it."""
        return {
            "product_id": self.product_id,
            "name": self.name,
            "category": self.category,
            "price": self.price,
            "currency": CURRENCY,
        }


PRODUCTS = tuple(
    Product(f"P{100 + number}", name, category, int(price) + 0.9)
    for number, (category, name, price) in enumerate(
        (category, *thing.rsplit(" ", 1))
        for category, things in _RANGE.items()
        for thing in things.split(", ")
    )
)


def catalogue_records(at: datetime) -> list[Record]:
    """One `Product Updated` for each product, as a shop system exports its catalogue."""
    return [
        record(
            "track",
            at,
            message_id=f"catalogue_{product.product_id}_{at:%Y%m%d}",
            event="Product Updated",
            properties={
                **product.properties(),
                "inventory_quantity": 20 + 7 * number % 180,
                "url": f"https://shop.example/p/{product.product_id}",
            },
        )
        for number, product in enumerate(PRODUCTS)
    ]
