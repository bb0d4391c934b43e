"""The forms in which a run takes what is due and who sends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from connectors.delivery.sender import Sender
from connectors.model import Message

Item = TypeVar("Item")

Lists = Iterable[Message] | Mapping[str, Iterable[Message]]
"""What is due, most important first: one list, or one by channel."""

Senders = Mapping[str, Sender | Sequence[Sender]]
"""Vendors by channel: one, or several in the order of failover."""


def in_order(senders: Sender | Sequence[Sender]) -> tuple[Sender, ...]:
    """One sender, or several in the order of failover."""
    return tuple(senders) if isinstance(senders, Sequence) else (senders,)


def portions(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of at most `size`, without holding more than one."""
    iterator = iter(items)
    while portion := list(islice(iterator, size)):
        yield portion
