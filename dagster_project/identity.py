"""Who is who, as people see it: identifiers, what joins them, and a person's word against a link."""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from connectors.sms.numbers import normal_phone
from dagster_project.reading import ask

if TYPE_CHECKING:
    from dagster_project.settings import Settings

EVENTS = {"unlink": "Identifiers Unlinked", "relink": "Identifiers Relinked"}
SOURCE = "identity"
"""Source of the events that say a person's word: no sign that the shop's feed is alive."""

Row = dict[str, Any]
Action = Literal["unlink", "relink"]


class UnknownIdentifierError(LookupError):
    """No event has named this identifier."""


class AmbiguousIdentifierError(ValueError):
    """The text is an identifier of several types; the message lists them."""


class UnknownLinkError(LookupError):
    """No event shows these two together, or the link is not in the state that is to be changed."""


def find(settings: Settings, text: str) -> Row:
    """The one identifier that a person means.

    Args:
        settings: the installation.
        text: its value, `type:value`, or an identifier_id.

    Raises:
        UnknownIdentifierError: when there is none.
        AmbiguousIdentifierError: when there are several.
    """
    kind, _, rest = text.partition(":")
    spellings = {text, text.strip().lower(), normal_phone(text)}
    found = _rows(
        settings,
        """select identifier_id, identifier_type, identifier, profile_id from profile_identifiers
        where identifier_id = $1 or identifier in (select unnest($2))
        or (identifier_type = $3 and identifier in ($4, lower($4))) order by all""",
        [text, sorted(spellings - {""}), kind, rest],
    )
    if not found:
        raise UnknownIdentifierError(
            "no event up to the last run has named this identifier; write it as events do, or as type:value"
        )
    if len(found) > 1:
        kinds = ", ".join(sorted(row["identifier_type"] for row in found))
        raise AmbiguousIdentifierError(
            f"this is an identifier of several types: write one of {kinds} before it, as type:value"
        )
    return found[0]


def show(settings: Settings, text: str) -> list[Row]:
    """All identifiers of the person behind one, in the order in which they were seen.

    Raises:
        LookupError, ValueError: as `find`.
    """
    return _rows(
        settings,
        """select profile_id, identifier_type, identifier, first_seen_at, linked_by_event_id, linked_at
        from profile_identifiers where profile_id = ? order by first_seen_at, identifier_type, identifier""",
        [find(settings, text)["profile_id"]],
    )


def links_of(settings: Settings, text: str) -> list[Row]:
    """Every link of one identifier, refused ones with the reason, and who took it back.

    Raises:
        LookupError, ValueError: as `find`.
    """
    identifier_id = find(settings, text)["identifier_id"]
    return _links(settings, "$1 in (links.identifier_id, links.linked_identifier_id)", [identifier_id])


def path(settings: Settings, text: str, other: str) -> list[Row]:
    """The shortest chain of links that makes two identifiers one person; empty when they are two.

    Raises:
        LookupError, ValueError: as `find`.
    """
    start, end = find(settings, text), find(settings, other)
    return _chain(_counted_links(settings, start["profile_id"]), start["identifier_id"], end["identifier_id"])


def moves(settings: Settings, text: str) -> list[Row]:
    """When an identifier came to another person, and by which event.

    Raises:
        LookupError, ValueError: as `find`.
    """
    return _rows(
        settings,
        """select merged_at, kind, former_profile_id, profile_id, guard, event_id from identity_merges
        where identifier_id = ? order by merged_at""",
        [find(settings, text)["identifier_id"]],
    )


def judge(
    settings: Settings, action: Action, text: str, other: str | None, *, by: str, reason: str, now: datetime
) -> list[Row]:
    """Write down that links are wrong (unlink), or right after all (relink), for the next run to obey.

    Args:
        settings: the installation.
        action: unlink or relink.
        text: an identifier.
        other: the identifier that it is linked with; none means every link of the first.
        by: who says so.
        reason: why.
        now: naive UTC moment from which it counts.

    Returns:
        the links concerned.

    Raises:
        UnknownLinkError: when there is no such link.
        LookupError, ValueError: as `find`.
    """
    wanted = find(settings, other)["identifier_id"] if other else None
    state = None if action == "unlink" else "unlinked"
    concerned = [
        link
        for link in links_of(settings, text)
        if link["refused_because"] == state
        and (wanted is None or wanted in (link["identifier_id"], link["linked_identifier_id"]))
    ]
    if not concerned:
        raise UnknownLinkError(_no_such_link(settings, action, text, other))
    landing = settings.open_landing()
    name = uuid.uuid4().hex
    records = (
        _word(action, link, f"{name}-{number}", by, reason, now) for number, link in enumerate(concerned)
    )
    landing.write(f"identity/{now:%Y-%m-%dT%H%M%S}-{name}.ndjson", records)
    return concerned


def still_joined(settings: Settings, concerned: Sequence[Row]) -> list[Row]:
    """The chain by which the first link's ends would stay one person without these links; mostly empty."""
    gone = {(link["identifier_id"], link["linked_identifier_id"]) for link in concerned}
    first = concerned[0]
    kept = [
        link
        for link in _counted_links(settings, first["profile_id"])
        if (link["identifier_id"], link["linked_identifier_id"]) not in gone
    ]
    return _chain(kept, first["identifier_id"], first["linked_identifier_id"])


def _rows(settings: Settings, sql: str, parameters: Sequence[Any]) -> list[Row]:
    return list(ask(settings, sql, parameters).to_pylist())


def _links(settings: Settings, condition: str, parameters: Sequence[Any]) -> list[Row]:
    return _rows(
        settings,
        f"""select links.*, json_extract_string(events.properties, '$.by') as judged_by,
        json_extract_string(events.properties, '$.reason') as judged_because
        from identity_links as links left join events on links.judged_by_event_id = events.event_id
        where {condition} order by links.linked_at, links.event_id""",
        parameters,
    )


def _counted_links(settings: Settings, profile_id: str) -> list[Row]:
    return _links(settings, "links.profile_id = $1 and links.refused_because is null", [profile_id])


def _chain(links: Iterable[Row], start: str, end: str) -> list[Row]:
    """Breadth first, so the fewest links."""
    neighbours: dict[str, dict[str, Row]] = defaultdict(dict)
    for link in links:
        ends = link["identifier_id"], link["linked_identifier_id"]
        for here, there in (ends, ends[::-1]):
            neighbours[here].setdefault(there, link)
    came_from: dict[str, str | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came_from:
        here = waiting.popleft()
        for there in neighbours[here]:
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    steps: list[str] = []
    step: str | None = end if end in came_from else None
    while step is not None:
        steps.append(step)
        step = came_from[step]
    return [neighbours[here][there] for here, there in pairwise(reversed(steps))]


def _no_such_link(settings: Settings, action: Action, text: str, other: str | None) -> str:
    if action == "relink":
        return "nobody has unlinked these: `millrace identity explain` shows what was refused, and why"
    if other is None:
        return "nothing is linked with this identifier"
    chain = path(settings, text, other)
    if not chain:
        return "these two are not one person: there is nothing to unlink"
    return (
        "no event shows these two together; they are one person through others: "
        "`millrace identity explain` with both shows the chain, unlink one of its links"
    )


def _word(action: Action, link: Row, event_id: str, by: str, reason: str, now: datetime) -> Row:
    """The event of a person's word: opaque ids only, no address."""
    moment = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "type": "track",
        "event": EVENTS[action],
        "messageId": f"identity-{event_id}",
        "timestamp": moment,
        "receivedAt": moment,
        "source": SOURCE,
        "properties": {
            "identifier_id": link["identifier_id"],
            "linked_identifier_id": link["linked_identifier_id"],
            "by": by,
            "reason": reason,
        },
    }
