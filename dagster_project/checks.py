"""Circuit breakers: what must be true of a list before anybody is written to.

Decisions are pure functions of a list's facts and its history; `look` reads both from the warehouse.
The same verdicts stop a tick on the command line and stand as blocking asset checks in Dagster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from dagster_project.runs import NO_HOLD, Hold, JudgedList, Release, hourly_lists, last_hold, open_release

if TYPE_CHECKING:
    from dagster_project.warehouse import Warehouse

Severity = Literal["ok", "warning", "blocked"]

GROWTH_LIMIT = 3.0
"""A list may be this many times the largest of its hours before it is held."""
SMALL_LIST = 500
"""Lists up to this size are never held for growth: a young shop grows by multiples."""
ENOUGH_HISTORY = 4
"""So many comparable runs are needed before history can object."""
CONSENT_SHIFT = 0.10
"""The share of people who may be e-mailed does not move this far between two runs by itself."""
FAILURE_LIMIT = 0.20
"""Share of the last day's messages that may fail before sending stops."""
ENOUGH_SENT = 50
"""So many messages are needed before a failure rate says anything."""
RELEASE_SLACK = 1.1
"""A released list may have grown this much since the person looked at it."""

DUE = "create or replace temp table due as select * from sends.outbox"
"""The list is read once: what is judged is what is sent."""

LIST_FACTS = """
with
listed as (
    select
        count(*) as message_count,
        count(*) filter (where (due_at > last_as_of) is not false) as new_count,
        count(*) filter (where due_at > released_as_of) as unseen_count,
        count(*) filter (where is_marketing) as marketing_count,
        count(*) filter (where is_marketing and consent_id is not null) as with_consent_count
    from (
        select *,
            (select max(as_of) from raw_runs.lists where as_of < {as_of} and not is_blocked) as last_as_of,
            (select max_by(list_as_of, released_at) from raw_runs.releases) as released_as_of,
            message_class = 'marketing' and channel not in ('profile', 'webhook') as is_marketing
        from due
    )
),
held as (
    select count(distinct message_id) as stale_consent_count
    from intermediate.int_send_decisions
    where reason = 'consent_feed_stale' and evaluated_at > {as_of} - interval 1 day
),
addresses as (select count(*) as address_count from profiles.profiles where email is not null),
subscribed as (
    select count(distinct consents.profile_id) as subscribed_count
    from profiles.consents
    inner join profiles.profiles using (profile_id)
    where consents.channel = 'email' and consents.purpose = 'marketing'
        and consents.status = 'subscribed' and profiles.email is not null
),
outcomes as (
    select
        -- a failure may be all that is heard: a server that refuses a mail has not taken it
        count(distinct message_id) as sent_count,
        count(distinct message_id) filter (where signal <> 'message_sent') as failed_count
    from intermediate.int_signals
    where signal in ('message_sent', 'message_bounced', 'message_complained', 'message_rejected')
        and occurred_at >= {as_of} - interval 1 day and occurred_at <= {as_of}
)
select
    message_count, new_count, unseen_count, marketing_count,
    with_consent_count as marketing_with_consent_count, stale_consent_count,
    subscribed_count / nullif(address_count, 0) as consent_share, sent_count, failed_count
from listed, held, addresses, subscribed, outcomes
"""


@dataclass(frozen=True)
class ListFacts:
    """What is known of the list that is about to go.

    Attributes:
        message_count: messages due now.
        new_count: those of them that no earlier list that went has had.
        unseen_count: those of them that came on it after the list that a person last released.
        marketing_count: those of class marketing that reach a person (a changed profile needs no consent).
        marketing_with_consent_count: those of class marketing that name the consent they rest on.
        stale_consent_count: messages of the last day held back because the consent feed is stale.
        consent_share: share of people with an e-mail address who are subscribed; none without people.
        sent_count: messages of the last day that reached an outcome.
        failed_count: of these, those that bounced, were rejected or complained about.
    """

    message_count: int
    new_count: int = 0
    unseen_count: int = 0
    marketing_count: int = 0
    marketing_with_consent_count: int = 0
    stale_consent_count: int = 0
    consent_share: float | None = None
    sent_count: int = 0
    failed_count: int = 0

    @property
    def failed_share(self) -> float | None:
        """Share of the last day's outcomes that failed; none while there are none."""
        return self.failed_count / self.sent_count if self.sent_count else None


@dataclass(frozen=True)
class History:
    """What earlier lists say about this one.

    Attributes:
        comparable_counts: what went in hours of the same weekday and (± 1 h) time, latest first. Of a list
            that was held for its size, the hours that it was first compared with: waiting is no reason to go.
        recent_count: messages that were new on the lists of the last hour.
        last_consent_share: the share at the last list with messages that went; none on a new installation.
        is_failing: the last list was held because messages failed; since then none could show better.
    """

    comparable_counts: tuple[int, ...] = ()
    recent_count: int = 0
    last_consent_share: float | None = None
    is_failing: bool = False

    @classmethod
    def of(cls, past: Sequence[JudgedList], as_of: datetime, hold: Hold = NO_HOLD) -> History:
        """History out of the run log, latest first, and what the list before this one was held for."""
        earlier = [judged for judged in past if judged.as_of < as_of]
        went = [judged for judged in earlier if not judged.is_blocked]
        since = hold.unusual_since or as_of
        return cls(
            tuple(judged.message_count for judged in went if _is_comparable(judged.as_of, since)),
            sum(judged.message_count for judged in earlier if as_of - judged.as_of < timedelta(hours=1)),
            next((judged.consent_share for judged in went if judged.consent_share is not None), None),
            messages_arrive.__name__ in hold.checks,
        )


@dataclass(frozen=True)
class Verdict:
    """One circuit breaker's decision, in words that say what was seen and what was allowed."""

    check: str
    severity: Severity
    reason: str

    @property
    def blocks(self) -> bool:
        """Whether the list must wait for a person."""
        return self.severity == "blocked"


def list_is_not_empty(facts: ListFacts, history: History) -> Verdict:
    """An empty list is suspicious when every comparable one had messages, and so has nobody for an hour."""
    past_counts = history.comparable_counts
    expected = len(past_counts) >= ENOUGH_HISTORY and min(past_counts) > 0 and not history.recent_count
    if facts.message_count == 0 and expected:
        seen = f"no message is due, but each of the last {len(past_counts)} lists of these hours had some"
        return Verdict("list_is_not_empty", "blocked", f"{seen} (at least {min(past_counts)})")
    return Verdict("list_is_not_empty", "ok", f"{facts.message_count} messages are due")


def list_size_is_usual(facts: ListFacts, history: History) -> Verdict:
    """A list far larger than any comparable one is held: a wrong segment writes to everybody once."""
    past_counts = history.comparable_counts
    if len(past_counts) < ENOUGH_HISTORY:
        return Verdict("list_size_is_usual", "ok", f"{len(past_counts)} comparable lists: too few to object")
    limit = max(SMALL_LIST, GROWTH_LIMIT * max(past_counts))
    seen = (
        f"{facts.message_count} messages; {len(past_counts)} comparable lists had at most {max(past_counts)}"
    )
    return Verdict("list_size_is_usual", "blocked" if facts.message_count > limit else "ok", seen)


def every_marketing_message_has_consent(facts: ListFacts, _history: History) -> Verdict:
    """Each marketing message names the consent event that it rests on."""
    missing = facts.marketing_count - facts.marketing_with_consent_count
    return Verdict(
        "every_marketing_message_has_consent",
        "blocked" if missing else "ok",
        f"{missing} of {facts.marketing_count} marketing messages name no consent",
    )


def consent_share_is_steady(facts: ListFacts, history: History) -> Verdict:
    """A jump in consent is an import gone wrong, not a change of heart."""
    name = "consent_share_is_steady"
    last_share = history.last_consent_share
    if facts.consent_share is None or last_share is None or facts.message_count == 0:
        return Verdict(name, "ok", "nothing to compare")
    moved = abs(facts.consent_share - last_share)
    seen = f"{facts.consent_share:.1%} of addresses are subscribed, {last_share:.1%} at the last run"
    return Verdict(name, "blocked" if moved > CONSENT_SHIFT else "ok", seen)


def consent_feed_is_fresh(facts: ListFacts, _history: History) -> Verdict:
    """Stale consent holds marketing back message by message (in SQL); here somebody hears of it."""
    seen = f"{facts.stale_consent_count} marketing messages of the last day wait for a fresh consent feed"
    return Verdict("consent_feed_is_fresh", "warning" if facts.stale_consent_count else "ok", seen)


def messages_arrive(facts: ListFacts, history: History) -> Verdict:
    """When many of the last day's messages failed, the next wait for a person: silence mends nothing."""
    share = facts.failed_share
    seen = f"{facts.failed_count} of the last day's {facts.sent_count} messages failed"
    broken = share is not None and facts.sent_count >= ENOUGH_SENT and share > FAILURE_LIMIT
    if history.is_failing and facts.message_count and not broken:
        broken, seen = True, f"{seen}; before the list was held they were more, and nobody has released it"
    return Verdict("messages_arrive", "blocked" if broken else "ok", seen)


BREAKERS = (
    list_is_not_empty,
    list_size_is_usual,
    every_marketing_message_has_consent,
    consent_share_is_steady,
    consent_feed_is_fresh,
    messages_arrive,
)
"""Every circuit breaker: its name is the name of the asset check."""


def decide(
    facts: ListFacts,
    past: Sequence[JudgedList],
    as_of: datetime,
    release: Release | None = None,
    hold: Hold = NO_HOLD,
) -> list[Verdict]:
    """All verdicts on a list; a release turns blocks into warnings while the list is what the person saw."""
    history = History.of(past, as_of, hold)
    verdicts = [breaker(facts, history) for breaker in BREAKERS]
    if release is None or not _is_covered(facts, release):
        return verdicts
    return [_released(verdict, release.released_by) for verdict in verdicts]


def look(warehouse: Warehouse, as_of: datetime) -> ListFacts:
    """Read a list's facts: what is due, the consent it rests on, how the last day's messages fared."""
    warehouse.execute(DUE)
    return ListFacts(**warehouse.query(LIST_FACTS.format(as_of=f"timestamp '{as_of}'")).to_pylist()[0])


def judge(warehouse: Warehouse, as_of: datetime, facts: ListFacts) -> list[Verdict]:
    """All verdicts on a list, with the run log as its history."""
    hold = last_hold(warehouse, as_of, list_size_is_usual.__name__)
    return decide(facts, hourly_lists(warehouse, as_of), as_of, open_release(warehouse), hold)


def _is_comparable(earlier: datetime, as_of: datetime) -> bool:
    """Same weekday, within an hour of the same time; not of today: that is the same list, growing."""
    beyond = (as_of - earlier) % timedelta(weeks=1)
    is_past = as_of - earlier >= timedelta(days=1)
    return is_past and min(beyond, timedelta(weeks=1) - beyond) <= timedelta(hours=1)


def _is_covered(facts: ListFacts, release: Release) -> bool:
    """Some of what the person saw still waits, and little else has come."""
    has_gone = release.message_count > 0 and facts.unseen_count >= facts.message_count
    most = release.message_count * RELEASE_SLACK
    return not has_gone and max(facts.message_count, release.message_count + facts.unseen_count) <= most


def _released(verdict: Verdict, by: str) -> Verdict:
    """Nobody can release a message that lacks consent."""
    if not verdict.blocks or verdict.check == every_marketing_message_has_consent.__name__:
        return verdict
    return Verdict(verdict.check, "warning", f"{verdict.reason}; released by {by}")
