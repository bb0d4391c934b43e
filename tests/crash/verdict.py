"""The verdict over one run: the provider's book, the ledger and landing must tell the same story."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import sqlalchemy as sa

from connectors.landing import open_landing
from connectors.tables import dead_letters, messages
from tests.crash.shop_list import is_unrenderable, message_id

WORDS = {"accepted": "Email Sent", "unknown": "Message Unknown", "skipped": "Message Skipped"}
REJECTED = ("Email Rejected", "Email Bounced")
OUTCOMES = ("Email Sent", "Message Skipped", *REJECTED)


@dataclass
class Verdict:
    """What became of one run.

    Attributes:
        counts: how many messages ended in which way.
        twice: ids that a provider took more than once.
        lost: why, by id: nothing arrived although the ledger says so, it arrived and the ledger denies it, it was
            wanted and given up, nobody will ever speak of it.
        untrue: ids of which landing does not say what the ledger says, exactly once.
        broken: how lives ended that should not have ended so.
        evidence: by folder where everything about a run is kept, the stories of its faulty messages by id.
    """

    counts: Counter = field(default_factory=Counter)
    twice: list = field(default_factory=list)
    lost: dict = field(default_factory=dict)
    untrue: dict = field(default_factory=dict)
    broken: list = field(default_factory=list)
    evidence: dict = field(default_factory=dict)

    @property
    def faulty(self):
        """Ids of messages that something is wrong with."""
        return {*self.twice, *self.lost, *self.untrue}

    @property
    def faults(self):
        """All of them, as lines."""
        lines = [f"{key}: sent twice" for key in self.twice]
        lines += [f"{key}: {why}" for key, why in (self.lost | self.untrue).items()]
        return lines + self.broken

    @property
    def is_clean(self):
        return not self.faults

    def __add__(self, other):
        return Verdict(
            self.counts + other.counts,
            self.twice + other.twice,
            self.lost | other.lost,
            self.untrue | other.untrue,
            self.broken + other.broken,
            self.evidence | other.evidence,
        )


def judge(store, landing_folder, entries, run, size, *, reads_back):
    """Compare; `reads_back` says whether every doubt can be resolved by the provider's log."""
    rows, dead = _ledger(store, run)
    wanted = [message_id(run, number) for number in range(size)]
    verdict = Verdict(twice=entries.twice)
    for key in wanted:
        if fault := _fault(rows.get(key), entries, dead, reads_back=reads_back):
            verdict.lost[key] = fault
    told = _landing(landing_folder, run)
    for key, row in rows.items():
        if fault := _untruth(row, told[key]):
            verdict.untrue[key] = fault
    verdict.counts = _counts(rows, entries, dead, told) + Counter(messages=size)
    return verdict


def open_rows(store, run):
    """How many messages of a run are known, how many have no outcome yet, and how many doubts are open."""
    ledger = messages.c
    with store.transaction() as connection:
        known = connection.execute(
            sa.select(ledger.state, ledger.resolved_by).where(ledger.message_id.startswith(run))
        ).all()
    waiting = sum(row.state in ("planned", "claimed", "attempted", "retry") for row in known)
    doubts = sum(row.state == "unknown" and row.resolved_by is None for row in known)
    return len(known), waiting, doubts


def _ledger(store, run):
    with store.transaction() as connection:
        rows = connection.execute(sa.select(messages).where(messages.c.message_id.startswith(run))).mappings()
        dead = connection.scalars(sa.select(dead_letters.c.message_id)).all()
        return {row["message_id"]: dict(row) for row in rows}, set(dead)


def _landing(folder, run):
    """Events by message id: name → ids of the events."""
    told = defaultdict(lambda: defaultdict(Counter))
    landing = open_landing(folder)
    for file in landing.files():
        for line in landing.read(file.name).read().splitlines():
            record = json.loads(line)
            key = record["properties"]["message_id"]
            if key.startswith(run):
                told[key][record["event"]][record["messageId"]] += 1
    return told


def _fault(row, entries, dead, *, reads_back):
    """Why a message is lost; none when it is not."""
    if row is None:
        return "not in the ledger"
    key, has_arrived, fault = row["message_id"], bool(entries.accepted[row["message_id"]]), None
    was_refused = entries.refused[key] or is_unrenderable(key)
    match row["state"]:
        case "accepted" if not has_arrived:
            fault = "accepted in the ledger, never at the provider"
        case "unknown" if row["resolved_by"] != "policy":
            fault = "in doubt, and no policy says what follows"
        case "unknown" if reads_back:
            fault = "in doubt, although the log could have told"
        case "rejected" if has_arrived:
            fault = "rejected in the ledger, accepted at the provider"
        case "rejected" if key not in dead and not row["suppression"]:
            fault = "rejected, and no dead letter"
        case "rejected" if not was_refused and not row["reason"].startswith(("gave_up", "poison")):
            fault = f"rejected by nobody: {row['reason']}"
        case "accepted" | "unknown" | "rejected":
            pass
        case _:
            fault = f"left as {row['state']}: {row['reason']}"
    return fault


def _untruth(row, told):
    """How landing and ledger differ; every event has one id, however often it was written."""
    names = {name for name, ids in told.items() if name in WORDS.values() or name in OUTCOMES}
    if any(len(ids) > 1 and name != "Email Delivered" for name, ids in told.items()):
        return f"several ids for one event: {sorted(names)}"
    if row["state"] == "rejected":
        expected = {REJECTED[bool(row["suppression"])]}
    else:
        expected = {WORDS.get(row["state"], "nothing")}
    # A doubt that was told stays told; so does a dead letter that was replayed.
    if expected <= names <= expected | {"Message Unknown", "Email Rejected"}:
        return None
    return f"the ledger says {row['state']}, landing {sorted(names)}"


def _counts(rows, entries, dead, told):
    counts = Counter(row["state"] for row in rows.values())
    counts["accepted at the provider"] = sum(1 for key in rows if entries.accepted[key])
    counts["dead letters"] = sum(key in dead and row["state"] == "rejected" for key, row in rows.items())
    counts["doubts"] = sum(row["resolved_by"] is not None for row in rows.values())
    for how in ("read_back", "webhook", "reply"):
        counts[f"resolved by {how}"] = sum(row["resolved_by"] == how for row in rows.values())
    listed = [
        key for key, row in rows.items() if row["resolved_by"] == "policy" and row["state"] == "unknown"
    ]
    counts["listed with policy"] = len(listed)
    counts["listed, had arrived"] = sum(bool(entries.accepted[key]) for key in listed)
    counts["events written again"] = sum(
        sum(ids.values()) - len(ids) for events in told.values() for ids in events.values()
    )
    return counts
