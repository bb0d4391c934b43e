"""What passes between the warehouse, the ledger and a vendor: messages in, receipts out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Outcome = Literal["accepted", "rejected", "retry", "unknown"]
"""What a vendor said about one message; `unknown`: bytes may have left and nobody answered."""

IDENTIFIERS = {"email": "email", "sms": "phone", "whatsapp": "phone"}
"""What kind of identifier an address of a channel is."""

SuppressionReason = Literal["hard_bounced", "complained", "invalid_token", "stop", "manual"]
"""Why an address is closed for good; a withdrawn consent is none of these, it can be given again."""


@dataclass(frozen=True, slots=True)
class ExitSignal:
    """A signal that ends an entry when it happens after one moment and, if there is one, until another."""

    signal: str
    counts_after: datetime
    counts_until: datetime | None = None

    @classmethod
    def from_json(cls, said: Mapping[str, str | None]) -> ExitSignal:
        """One from its JSON object, times as ISO 8601 without a zone."""
        until = said["counts_until"]
        return cls(
            str(said["signal"]),
            datetime.fromisoformat(str(said["counts_after"])),
            datetime.fromisoformat(until) if until else None,
        )

    def to_json(self) -> dict[str, str | None]:
        """The JSON object that `from_json` reads."""
        until = self.counts_until
        return {
            "signal": self.signal,
            "counts_after": self.counts_after.isoformat(),
            "counts_until": until.isoformat() if until else None,
        }

    def is_met_by(self, signal: str, occurred_at: datetime) -> bool:
        """Whether what happened then ends the entry."""
        is_in_time = self.counts_until is None or occurred_at <= self.counts_until
        return signal == self.signal and occurred_at > self.counts_after and is_in_time


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the outbox: a message that the warehouse has decided and that is due.

    Times are naive UTC. `context` is what the template sees (profile, entry, payload, recommendations).
    `identifiers` are all (type, value) pairs of the person, against which fresh facts are matched.
    `exit_signals` are those that would end the flow for this person. `entered_at` is when the person entered
    it, `quiet_from` when the recipient's next quiet hours begin, `exited_at` when the flow ended for them
    while the message waited; all may be absent.
    """

    message_id: str
    kind: str
    flow: str
    step: str
    entry_id: str
    profile_id: str
    channel: str
    address: str
    template: str | None
    variant: str | None
    message_class: str
    priority: int
    decided_at: datetime
    due_at: datetime
    expires_at: datetime | None = None
    consent_id: str | None = None
    exit_signals: tuple[ExitSignal, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    entered_at: datetime | None = None
    quiet_from: datetime | None = None
    exited_at: datetime | None = None

    @property
    def template_path(self) -> str | None:
        """The template as `<channel>/<name>`; flows may name it without its channel."""
        if self.template is None or self.template.startswith(f"{self.channel}/"):
            return self.template
        return f"{self.channel}/{self.template}"

    @property
    def profile_ids(self) -> tuple[str, ...]:
        """The recipient's profile id when the message was decided, and (after a merge) the one of today."""
        today = (self.context.get("profile") or {}).get("profile_id")
        return (self.profile_id,) if today in (None, self.profile_id) else (self.profile_id, str(today))

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Message:
        """A message from a row of `outbox`; JSON columns may be text or already parsed."""
        signals = parsed(row.get("exit_signals")) or ()
        identifiers = parsed(row.get("identifiers")) or ()
        return cls(
            message_id=row["message_id"],
            kind=row["kind"],
            flow=row["flow"],
            step=row["step"],
            entry_id=row["entry_id"],
            profile_id=row["profile_id"],
            channel=row["channel"],
            address=row["address"],
            template=row.get("template"),
            variant=row.get("variant"),
            message_class=row["message_class"],
            priority=int(row["priority"]),
            decided_at=row["decided_at"],
            due_at=row["due_at"],
            expires_at=row.get("expires_at"),
            consent_id=row.get("consent_id"),
            exit_signals=tuple(map(ExitSignal.from_json, signals)),
            identifiers=tuple((pair["type"], pair["value"]) for pair in identifiers),
            context=parsed(row.get("context")) or {},
            entered_at=row.get("entered_at"),
            quiet_from=row.get("quiet_from"),
            exited_at=row.get("exited_at"),
        )


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a push: its name for the app, its words, and where it leads (none: it only dismisses)."""

    name: str
    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A message as its recipient will see it.

    E-mail has subject, text and html; SMS has text, and an `image` when it is an MMS; push has title
    (`subject`), text, `url`, `image` and `actions`; WhatsApp has the text as a person reads it and, in
    `data`, the approved template with its parameters. Elsewhere `data` is the traits of a profile update, or
    the body of a webhook.
    """

    text: str
    subject: str | None = None
    html: str | None = None
    url: str | None = None
    image: str | None = None
    actions: tuple[Action, ...] = ()
    unsubscribe_url: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A rendered message, ready for a vendor; its id is the idempotency key, `sent_at` is naive UTC."""

    message: Message
    content: Content
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's word about one message, or the lack of it.

    Attributes:
        suppress: when set, the address must not be written to again on this channel, for this reason.
        retry_after_seconds: the wait that the vendor asked for, with `retry`.
        events: records that must reach landing together with the outcome (an identify).
    """

    message_id: str
    outcome: Outcome
    provider: str
    provider_message_id: str | None = None
    reason: str | None = None
    suppress: SuppressionReason | None = None
    retry_after_seconds: float | None = None
    events: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message of which nobody knows whether it left, as its vendor's log is asked about it."""

    message_id: str
    address: str
    attempted_at: datetime
    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """Something that happened to a message: sent, skipped, bounced. `name` as in the event contract."""

    event_id: str
    name: str
    message_id: str
    profile_id: str
    channel: str
    occurred_at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The landing record of this event (Segment `track` call)."""
        about = {"message_id": self.message_id, "profile_id": self.profile_id, "channel": self.channel}
        return {
            "type": "track",
            "messageId": self.event_id,
            "event": self.name,
            "timestamp": self.occurred_at.isoformat() + "Z",
            "source": "delivery",
            "properties": about | {key: value for key, value in self.properties.items() if value is not None},
        }


def parsed(value: Any) -> Any:  # noqa: ANN401  (any JSON)
    """A JSON column as Python values, whether the driver gave text or has parsed it."""
    return json.loads(value) if isinstance(value, str | bytes) else value
