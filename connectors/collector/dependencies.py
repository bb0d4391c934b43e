"""What every route of the collector works with; `app.build_app` hands it to each route module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.collector.feedback_desk import FeedbackDesk
from connectors.collector.journal import Journal
from connectors.collector.keys import KeyRing
from connectors.delivery.facts import SIGNALS
from connectors.landing import Landing
from connectors.links import Links
from connectors.store import Store


@dataclass(frozen=True, slots=True)
class Options:
    """What differs between collectors; defaults are those of Segment's API where it publishes them.

    Attributes:
        public_url: base of the collector's address as others see it; Twilio signs it.
        secrets: what webhooks are verified with, by `<PROVIDER>_WEBHOOK_SECRET`.
        allowed_origins: sites whose pages may call (CORS); `*` is every site.
        max_body_bytes: of a request, before and after it is unpacked.
        max_event_bytes: of one event as JSON.
        max_property_depth: objects and lists inside each other, the event itself not counted.
        max_event_age: older events are refused; history is loaded as files.
        events_per_second: of one write key in this process; ten seconds' worth may come at once.
        hashes_pii: whether addresses, phone numbers and names are replaced by keyed hashes.
        pii_secret: key of these hashes.
        signals: events that the next claim must know, by name, and their words in facts.
    """

    public_url: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_origins: tuple[str, ...] = ("*",)
    max_body_bytes: int = 512 << 10
    max_event_bytes: int = 32 << 10
    max_property_depth: int = 10
    max_event_age: timedelta = timedelta(days=90)
    events_per_second: float = 5_000.0
    hashes_pii: bool = False
    pii_secret: str = field(default="", repr=False)
    signals: Mapping[str, str] = field(default_factory=lambda: SIGNALS, repr=False)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The open parts of one collector process.

    Attributes:
        options: limits, secrets, CORS.
        journal: `await journal.append(records)` returns when the events are durable.
        keys: the write keys that hold.
        store: the transactional store; its calls block, so they run through `run_in_threadpool`.
        feedback: `await feedback.take(items)` returns when what providers and people said is in force.
        landing: where complete segments go.
        links: reads and signs the links in messages.
        clock: the time as naive UTC.
    """

    options: Options
    journal: Journal
    keys: KeyRing
    store: Store
    feedback: FeedbackDesk
    landing: Landing
    links: Links
    clock: Callable[[], datetime]
