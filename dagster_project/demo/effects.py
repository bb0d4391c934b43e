"""How strongly customers react to each flow's messages: the truth that the measurements are held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """Chances for one delivered message, for a customer of average attention.

    Attributes:
        open_share: of delivered messages that a person opens.
        click_share: of opened messages.
        order_share: of clicked messages that lead to an order which would not have happened otherwise.
    """

    open_share: float
    click_share: float
    order_share: float

    @property
    def order_chance(self) -> float:
        """Chance that one message causes an order."""
        return self.open_share * self.click_share * self.order_share


EFFECTS = {
    "cart_recovery": Effect(0.62, 0.50, 0.50),
    "browse_abandonment": Effect(0.48, 0.40, 0.40),
    "win_back": Effect(0.40, 0.40, 0.50),
    "churn_rescue": Effect(0.45, 0.35, 0.40),
    "welcome": Effect(0.62, 0.35, 0.22),
    "post_purchase": Effect(0.60, 0.12, 0.06),
    "birthday": Effect(0.52, 0.35, 0.35),
    "vip_entry": Effect(0.66, 0.30, 0.12),
    "newsletter": Effect(0.30, 0.14, 0.12),
}
UNKNOWN_FLOW = Effect(0.3, 0.1, 0.05)

UNSUBSCRIBE_SHARE = 0.008  # of opened messages
COMPLAINT_SHARE = 0.0006  # of delivered messages
DISCOUNTS = {"offer": 0.10, "last_call": 0.15, "birthday": 0.15, "first_purchase": 0.10}
"""Discount taken with an order, by the end of the template's name."""


def discount_share(template: str) -> float:
    """What the message's code takes off."""
    return next((share for ending, share in DISCOUNTS.items() if template.endswith(ending)), 0.0)
