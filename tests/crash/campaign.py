"""One run of the harness: a list, an empty ledger, and lives that are killed until everything has its outcome."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.book import read_book
from tests.crash.points import all_points, find_steps, is_elsewhere
from tests.crash.story import Lived, keep_evidence
from tests.crash.verdict import judge, open_rows

STORM = 0.25
"""Share of requests that go wrong, until the storm is over."""
STEPS_MINUTES = (0, 0, 0.3, 2, 7, 45)
"""How far the clock goes between lives."""
MOST_SKEW_MINUTES = 8
"""With the lag of the log, less than a read-back horizon; see DECISIONS.md."""
FINISHING_MINUTES = (3, 40, 60, 60, 60, 60, 800, 60, 60, *([1500, 60] * 6))
SAFE_TO_STOP = (
    "call: before",
    "commit: after",
    "wire: before a connection",
    "wire: before a write",
    "wire: after a write",
    "wire: an answer has come",
)
KINDS = {"alone": 60, "together": 18, "overtaken": 6, "asleep": 3, "postman": 8, "administrator": 10}
MOST_ORDERS = 150
MOST_NEW = 8
"""Messages that join the list between two lives."""
LONGEST_LIFE_SECONDS = 0.5
"""Of those that are killed at random."""


@dataclass
class Kills:
    """Kills by point, and how often each point is passed in a life: what is rare is aimed at more."""

    by_point: Counter = field(default_factory=Counter)
    at_random: int = 0
    ends: Counter = field(default_factory=Counter)
    _passed: dict = field(default_factory=lambda: defaultdict(Counter))

    @property
    def total(self):
        return self.by_point.total() + self.at_random

    @property
    def never(self):
        """Points that lives come by, and at which nobody has died."""
        return [
            point
            for point in all_points(find_steps())
            if not is_elsewhere(point) and not self.by_point[point]
        ]

    def aim(self, role, dice):
        """A point and a passage: now and then one that was never seen, else the one with the fewest kills."""
        passed = self._passed[role]
        known = [point for point in passed if not is_elsewhere(point)]
        if not known or (self.never and dice.random() < 0.1):
            return dice.choice(self.never or all_points(find_steps())), 1
        point = min(known, key=lambda name: (self.by_point[name], dice.random()))
        return point, dice.randint(1, dice.randint(1, dice.randint(1, passed[point])))

    def learn(self, role, result):
        self.ends[result["end"]] += 1
        for point, times in result.get("passed", {}).items():
            self._passed[role][point] = max(self._passed[role][point], times)
        if result["point"]:
            self.by_point[result["point"]] += 1
        elif result["end"] == "killed":
            self.at_random += 1


class Campaign:
    """One list on one ledger.

    Args:
        nursery: forks lives.
        far_ends: the providers.
        store: the ledger, to look at.
        base: a life without events: store, landing, ends, size.
        kills: counted over all campaigns.
        dice: of this one.
        evidence: the folder in which everything is kept of a run that went wrong.
    """

    def __init__(self, nursery, far_ends, store, base, kills, dice, evidence):
        self._store = store
        self._nursery, self._far_ends, self._kills, self._dice = nursery, far_ends, kills, dice
        self._base, self._evidence = base, evidence
        self._minutes = 0.0
        far_ends.set_clock(0)
        self._broken, self._lived = [], []
        self._book_start = Path(far_ends.book).stat().st_size
        self.did = Counter(campaigns=1)

    @property
    def ledger_path(self):
        """Where a SQLite ledger lies."""
        return Path(self._store.engine.url.database)

    def run(self, most_kills):
        """Storm until so many were killed, then calm; the verdict."""
        began, until = time.monotonic(), self._kills.total + most_kills
        self._far_ends.storm(STORM)
        while self._kills.total < until and self.did["orders"] < MOST_ORDERS:
            self.more(self._dice.randint(0, MOST_NEW))
            self._storm()
        verdict = self.finish()
        verdict.counts["seconds"] = round(time.monotonic() - began)
        return verdict

    def more(self, count):
        """The warehouse has decided so many messages more."""
        self._base = replace(self._base, size=self._base.size + count)

    def finish(self):
        """The providers are well again, nobody is killed: everything gets its outcome; the verdict."""
        self._far_ends.storm(0.0)
        for number, step in enumerate(FINISHING_MINUTES):
            if number > 1 and self._is_done():
                break
            role = ("sender", "administrator", "postman", "sender")[min(number, 3)]
            self.go([self.life(role)], step=step)
        self.go([self.life("sender")], step=60)
        base = self._base
        entries = read_book(self._far_ends.book, base.run, self._book_start)
        reads_back = "smtp" not in base.ends
        verdict = judge(self._store, base.landing, entries, base.run, base.size, reads_back=reads_back)
        verdict.broken = self._broken
        verdict.counts += self.did
        if verdict.faults:
            verdict.evidence = self._keep_evidence(verdict)
        return verdict

    def _keep_evidence(self, verdict):
        folder = self._evidence / self._base.run
        book = self._far_ends.book
        stories = keep_evidence(folder, self._store, book, self._book_start, self._lived, verdict.faulty)
        return {str(folder): stories}

    def go(self, lives, *, step=0.0, may_fail=False):
        """Let the clock go, then live; how each ended."""
        self._let_pass(step)
        lives = [self._now(life) for life in lives]
        return self._learn(lives, self._nursery.run(lives), may_fail=may_fail)

    def overtake(self, slow, quick, *, step=0.0, asleep_minutes=0.0):
        """The first stops at its trap; so many minutes later the other one does its work; then the first goes on."""
        self._let_pass(step)
        slow = replace(self._now(slow), sleeps_minutes=asleep_minutes)
        self._nursery.put_to_sleep(slow)
        if asleep_minutes:
            self._far_ends.hang_up()  # an hour is enough to deal with all that it has sent before
        self._minutes = self._far_ends.let_pass(asleep_minutes, is_hurried=True)
        quick = self._now(quick)
        results = self._nursery.run([quick])
        return self._learn([slow, quick], self._nursery.wake() + results)

    def _let_pass(self, minutes):
        """All have one clock, which runs between these leaps as well; some look at it wrongly."""
        self._minutes = self._far_ends.let_pass(minutes)

    def _now(self, life):
        return replace(life, minutes=self._minutes, size=self._base.size)

    def _learn(self, lives, results, *, may_fail=False):
        self.did.update(orders=1, lives=len(lives))
        for life, result in zip(lives, results, strict=True):
            self._kills.learn(life.role, result)
            end = f"{result['end']} {result['point'] or ''}".rstrip()
            self._lived.append(Lived(life, result["pid"], result["born_at"], result["ended_at"], end))
            if result["end"] == "stuck" or (result["end"] == "failed" and not may_fail):
                self._broken.append(f"{life}: {result.get('error', 'stuck')}")
        return results

    def _storm(self):
        """The next lives, as the dice want them."""
        kind = self._dice.choices(list(KINDS), list(KINDS.values()))[0]
        self.did[kind] += 1
        step = self._dice.choice(STEPS_MINUTES)
        match kind:
            case "postman" | "administrator":
                self.go([self._doomed(kind)], step=step)
            case "together":
                other = self._dice.choice((self._life, self._doomed))
                self.go([self._doomed("sender"), other("sender")], step=step)
            case "overtaken":
                point, nth = self._dice.choice(SAFE_TO_STOP), self._dice.randint(1, 12)
                quick = replace(self._dice.choice((self._life, self._doomed))("sender"), skew_minutes=6)
                # Often late enough for both to ask the log about what was in doubt before.
                step = self._dice.choice((step, 45))
                self.overtake(self.life(action="stop", point=point, nth=nth), quick, step=step)
            case "asleep":
                point, is_frozen = self._dice.choice(SAFE_TO_STOP), self._dice.random() < 0.25
                slow = self.life(
                    action="stop", point=point, nth=self._dice.randint(1, 4), is_frozen=is_frozen
                )
                self.overtake(slow, self.life(host="elsewhere"), step=step, asleep_minutes=61)
            case _:
                self.go([self._doomed("sender")], step=step)

    def _doomed(self, role):
        """One that will be killed: at a point, or after a while."""
        life = self._life(role)
        if self._dice.random() < 0.3:
            return replace(life, kill_after_seconds=self._dice.uniform(0.01, LONGEST_LIFE_SECONDS))
        point, nth = self._kills.aim(role, self._dice)
        return replace(life, point=point, nth=nth)

    def life(self, role="sender", **changes):
        """An undisturbed one; the postman brings news about half of what was taken."""
        told = self._news() if role == "postman" else ()
        return replace(self._base, role=role, seed=self._dice.getrandbits(32), told=told, **changes)

    def _life(self, role):
        """One as there are many: with a clock of its own, perhaps on another host."""
        dice = self._dice
        return self.life(
            role,
            skew_minutes=dice.uniform(-1, 1) * MOST_SKEW_MINUTES if dice.random() < 0.25 else 0,
            host=f"elsewhere-{dice.getrandbits(32)}" if dice.random() < 0.25 else None,
            lease_seconds=0.15 if dice.random() < 0.2 else None,
            is_frozen=dice.random() < 0.25,
        )

    def _news(self):
        """What the provider has to tell about half of what it took."""
        taken = sorted(read_book(self._far_ends.book, self._base.run, self._book_start).accepted)
        return tuple(self._dice.sample(taken, len(taken) // 2))

    def _is_done(self):
        planned, waiting, doubts = open_rows(self._store, self._base.run)
        return planned == self._base.size and not waiting and not doubts
