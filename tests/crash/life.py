"""One life: what a process does between its birth and its end, which may be anywhere."""

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass
from datetime import timedelta

from connectors.delivery import dead_letters, held, loop, workers
from connectors.delivery.policies import Late, Policies, WarmUp
from connectors.delivery.sender import Rate
from connectors.email.postmark import PostmarkSender
from connectors.email.smtp import SmtpSender
from connectors.feedback import take
from connectors.feedback.model import Feedback
from connectors.landing import open_landing
from connectors.store import open_store
from tests.crash.mutants import MUTANTS
from tests.crash.shop_list import LATE_CLASS, NOW, Renderer, message
from tests.crash.traps import Trap, set_traps

PATIENCE_SECONDS = 0.4
"""For an answer; the far ends are on the same machine, and say nothing on purpose."""
PER_DAY = 120
PER_SECOND = 2000.0


@dataclass(frozen=True, slots=True)
class Life:
    """An order to the nursery.

    Attributes:
        role: sender, postman (takes webhooks in), administrator (replays dead letters, releases late messages).
        run: which run of the harness; stands in every message id.
        size: messages on its list.
        ends: URLs of the far ends by wire: smtp, http; in failover order.
        minutes: what the clock says at birth, after the beginning of the run.
        skew_minutes: how wrong this process's clock is.
        is_frozen: the run stands at one moment, as a replay does.
        host: a name of another machine, whose processes nobody here can see; none is this one.
        lease_seconds: shorter leases, so that they are renewed within a short life.
        is_warming_up: a plan limits each day.
        told: message ids that the postman brings news about.
        point, nth, action: the trap.
        sleeps_minutes: with the action `stop`: so much later it is when it wakes up.
        kill_after_seconds: killed from outside.
        file_bytes: no file may grow beyond (RLIMIT_FSIZE).
        mutant: what is broken in it on purpose.
        seed: of its own dice.
    """

    role: str
    run: str
    size: int
    store_url: str
    landing: str
    ends: dict
    minutes: float = 0.0
    skew_minutes: float = 0.0
    is_frozen: bool = False
    host: str | None = None
    lease_seconds: float | None = None
    is_warming_up: bool = False
    told: tuple = ()
    point: str | None = None
    nth: int = 1
    action: str = "kill"
    sleeps_minutes: float = 0.0
    kill_after_seconds: float | None = None
    file_bytes: int | None = None
    mutant: str | None = None
    seed: int = 0

    @property
    def born_at(self):
        """What its clock says, naive UTC."""
        return NOW + timedelta(minutes=self.minutes + self.skew_minutes)


def live(life, report):
    """Live it, in a process of its own; returns what there is to tell at the end."""
    trap = Trap(life.point, life.nth, life.action, report)
    _shift_clock(life, trap)
    set_traps(trap)
    if life.mutant:
        MUTANTS[life.mutant]()
    with contextlib.closing(open_store(life.store_url)) as store:
        told = ROLES[life.role](life, store, open_landing(life.landing))
    return {"end": "finished", "passed": trap.passed, "told": told}


def _shift_clock(life, trap):
    """This process's clock, and where it believes to be."""
    began = time.monotonic()

    def clock():
        slept = life.sleeps_minutes if trap.has_sprung else 0
        return life.born_at + timedelta(seconds=time.monotonic() - began, minutes=slept)

    loop.wall_clock = clock
    # The monotonic clock of a suspended machine stands still: nothing times out when it wakes up.
    asyncio.BaseEventLoop.time = lambda _: time.monotonic() - trap.slept_seconds
    if life.lease_seconds:
        loop.LEASE = timedelta(seconds=life.lease_seconds)
    if life.host:
        workers.socket = type("Elsewhere", (), {"gethostname": staticmethod(lambda: life.host)})


def _send(life, store, landing):
    """What the warehouse lists: everything that landing does not speak of yet."""
    dice = random.Random(life.seed)
    senders = [_sender(wire, url, dice) for wire, url in life.ends.items()]
    spoken = _spoken_of(landing)
    due = (message(life.run, number) for number in range(life.size))
    result = loop.deliver(
        store,
        landing,
        (each for each in due if each.message_id not in spoken),
        {"email": senders},
        Renderer(),
        life.born_at if life.is_frozen else None,
        policies=policies(life, senders),
    )
    return {"counts": result.counts, "resolved": result.resolved}


def policies(life, senders):
    """Declared: a doubt is never sent again, late operational mail needs a person's word."""
    plan = WarmUp("shop.example", NOW.date(), (PER_DAY,) * 30)
    return Policies(
        late={LATE_CLASS: Late("ask", timedelta(hours=24))},
        unknown={"transactional": "never_resend", LATE_CLASS: "never_resend"},
        warm_up={("email", sender.provider): [plan] for sender in senders} if life.is_warming_up else {},
    )


def _sender(wire, url, dice):
    """With small batches, so that there is much to die between, and a pace that a 429 does not make a crawl."""
    mail_from = "Shop <hello@shop.example>"
    if wire == "smtp":
        sender = SmtpSender(url, mail_from, connections=2, timeout_seconds=PATIENCE_SECONDS)
    else:
        sender = PostmarkSender("token", mail_from=mail_from, base_url=url, timeout_seconds=PATIENCE_SECONDS)
    sender.batch_size = dice.randint(1, 12)
    sender.rate = Rate(PER_SECOND, concurrent=2)
    return sender


def _spoken_of(landing):
    records = (
        json.loads(line) for file in landing.files() for line in landing.read(file.name).read().splitlines()
    )
    return {record["properties"]["message_id"] for record in records}


def _tell(life, store, landing):
    """Webhooks: what was delivered, in any order, perhaps again, perhaps before the receipt."""
    items = [
        Feedback(
            event_id=f"told-{message_id}",
            name="Email Delivered",
            channel="email",
            provider="postmark",
            occurred_at=life.born_at,
            message_id=message_id,
        )
        for message_id in life.told
    ]
    return {"resolved": take.take_feedback(store, landing, items, life.born_at).resolved}


def _administer(life, store, _landing):
    """A person lets the late ones go, and tries dead letters again."""
    released = held.release_late(store, "ann")
    ids = [letter.message_id for letter in dead_letters.find_dead_letters(store, limit=3)]
    return {"released": released, "replayed": len(dead_letters.replay(store, ids, life.born_at).planned)}


ROLES = {"sender": _send, "postman": _tell, "administrator": _administer}
