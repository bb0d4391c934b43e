"""Repeatable randomness: every decision draws from its own stream, named by what is decided."""

from __future__ import annotations

import random


def stream(seed: int, *names: object) -> random.Random:
    """The random numbers of one named thing: the same in every run with this seed, whatever else happened.

    These are common random numbers: a customer's own behaviour draws from a stream that no message touches,
    so the same customer with and without a flow can be compared order by order.
    """
    return random.Random("|".join(str(name) for name in (seed, *names)))
