"""What every vendor must keep to, whatever its wire: inherit, say how to open the sender and what it answers.

A vendor is a class in a file of its own: `class TestSendGrid(HttpConformance)`, for other wires
`class TestSmtp(Conformance)` with a far end of its own. A case that a wire cannot show is named in `absent`, with the reason.
"""

import asyncio
import inspect
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType

import pytest

from connectors.errors import Indivisible, StopSync, TryAgain
from connectors.model import Content, Envelope
from tests.connectors.conformance.far_end import nobody
from tests.connectors.conformance.vendor import (
    Answer,
    CutAfterRequest,
    CutAnswer,
    CutInRequest,
    Silence,
    Vendor,
)

NOW = datetime(2026, 3, 2, 10)
PEOPLE = ("ann", "bob", "cid")
PATIENCE = 10.0
SHORT_PATIENCE = 1.0
"""Seconds to wait for an answer; short only where none will come."""
CONTENT = Content(
    text="Hello, your cart waits: https://shop.example/cart",
    subject="Your cart, “Größe”: 20 %",
    html="<p>Hello</p>",
    url="https://shop.example/cart",
    unsubscribe_url="https://shop.example/u/1",
)

DOUBTS = (
    "broken",
    "bad_gateway",
    "gateway_timeout",
    "silent",
    "cut_in_request",
    "cut_after_request",
    "cut_answer",
    "unparsable",
)
OUTCOMES = {
    "accepted": "accepted",
    "busy": "retry",
    "busy_until": "retry",
    "unavailable": "retry",
    "bad_credentials": "stopped",
    "moved": "stopped",
    "dead_address": "rejected",
    "refused_content": "rejected",
} | dict.fromkeys(DOUBTS, "unknown")
"""What must become of a message by what the far end does; `stopped`: StopSync for the whole call."""

NOTHING = MappingProxyType({})


@dataclass(frozen=True)
class Played:
    """What a call brought: receipts, or the error that stood for all of them."""

    receipts: list
    error: Exception | None = None

    @property
    def outcomes(self):
        names = {TryAgain: "retry", StopSync: "stopped", Indivisible: "indivisible"}
        return [names[type(self.error)]] if self.error else [receipt.outcome for receipt in self.receipts]

    @property
    def waits(self):
        if self.error:
            return [getattr(self.error, "retry_after_seconds", None)]
        return [receipt.retry_after_seconds for receipt in self.receipts]

    def words(self):
        return " ".join(
            [str(self.error), repr(self.error), *(str(receipt.reason) for receipt in self.receipts)]
        )


class Conformance:
    """The cases. A subclass gives `provider`, `far_end`, `url`, `open`, `prepare`, `keys`; see `HttpConformance`.

    Attributes:
        secrets: credentials that `open` uses; like the addresses they must never be seen in reasons or logs.
        absent: case → why this wire cannot show it.
        outcomes: changes to OUTCOMES, each with a comment that says why.
        suppresses: the suppression that a dead address leads to, None where the vendor does not say at once.
        says_when: whether the wire can name a wait.
    """

    provider: str
    secrets: tuple = ()
    absent = NOTHING
    outcomes = NOTHING
    suppresses = None
    says_when = True

    # what a subclass gives ----------------------------------------------------------------------------

    def far_end(self):
        """A FarEnd, not running yet."""
        raise NotImplementedError

    def url(self, port):
        """How the sender is told where the far end is."""
        return f"http://127.0.0.1:{port}"

    def open(self, url, timeout_seconds):
        """The sender, against this far end."""
        raise NotImplementedError

    def prepare(self, far, *cases):
        """Make the far end behave: one case per request, the last stays."""
        raise NotImplementedError

    def keys(self, far):
        """The message ids that the far end has seen, in order, one for each time."""
        raise NotImplementedError

    def changes(self, person):
        """What makes a message one for this vendor: channel, address, template."""
        return {}

    # how the cases are played -------------------------------------------------------------------------

    @pytest.fixture(autouse=True)
    def _keep_the_builders(self, message, caplog):
        self.message = message
        self.patience = PATIENCE
        caplog.set_level(logging.DEBUG)
        self.caplog = caplog

    def envelopes(self, *people):
        return [Envelope(self.message(person, **self.changes(person)), CONTENT, NOW) for person in people]

    @contextmanager
    def playing(self, *cases):
        for case in cases:
            if case in self.absent:
                pytest.skip(f"{self.provider}: {self.absent[case]}")
        self.patience = SHORT_PATIENCE if "silent" in cases else PATIENCE
        with self.far_end().running() as far:
            self.prepare(far, *cases)
            yield far

    def send(self, url, *batches, between=lambda: None):
        """Send the batches through one sender, one after the other; close it twice, which must be harmless."""

        async def run():
            sender = self.open(url, self.patience)
            played = []
            try:
                for number, batch in enumerate(batches):
                    if number:
                        await asyncio.to_thread(between)
                    played.append(await one_call(sender, batch))
            finally:
                await sender.close()
                await sender.close()
            return played

        played = asyncio.run(run())
        self.nothing_leaks(*played)
        return played

    def nothing_leaks(self, *played):
        """No address and no credential in reasons or in logs, at any level; no connection forgotten."""
        seen = self.caplog.text + " ".join(each.words() for each in played)
        private = [self.message(person, **self.changes(person)).address for person in PEOPLE]
        assert [word for word in (*private, *self.secrets) if word in seen] == []
        assert "Unclosed" not in self.caplog.text

    def batch(self):
        """As many messages as one call takes, at most three."""

        async def size():
            sender = self.open(self.url(nobody()), PATIENCE)
            await sender.close()
            return sender.batch_size

        return self.envelopes(*PEOPLE[: asyncio.run(size())])

    # the cases ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("case", OUTCOMES)
    def test_what_the_vendor_does_decides_what_becomes_of_the_message(self, case):
        # The vendor would accept a second request: a client that repeats on its own is caught by the outcome.
        with self.playing(case, "accepted") as far:
            (played,) = self.send(self.url(far.port), self.envelopes("ann"))
            keys = self.keys(far)
        assert played.outcomes == [(OUTCOMES | self.outcomes)[case]]
        assert len(keys) <= 1

    @pytest.mark.parametrize("case", ["accepted", *DOUBTS])
    def test_a_batch_has_exactly_one_receipt_per_message_in_any_weather(self, case):
        batch = self.batch()
        with self.playing(*[case] * len(batch), "accepted") as far:
            (played,) = self.send(self.url(far.port), batch)
        expected = (OUTCOMES | self.outcomes)[case]
        ids = [envelope.message.message_id for envelope in batch]
        assert [receipt.message_id for receipt in played.receipts] == ids
        assert played.outcomes == [expected] * len(batch)
        assert {receipt.provider for receipt in played.receipts} == {self.provider}

    def test_every_message_carries_its_id_to_the_vendor_once(self):
        batch = self.batch()
        with self.playing("accepted") as far:
            self.send(self.url(far.port), batch)
            assert sorted(self.keys(far)) == sorted(envelope.message.message_id for envelope in batch)

    def test_an_accepted_message_has_the_vendors_own_name(self):
        with self.playing("accepted") as far:
            (played,) = self.send(self.url(far.port), self.envelopes("ann"))
        assert played.receipts[0].provider_message_id

    @pytest.mark.parametrize(("case", "seconds"), [("busy", 7), ("busy_until", 90)])
    def test_the_wait_that_the_vendor_asks_for_is_handed_on(self, case, seconds):
        with self.playing(case) as far:
            (played,) = self.send(self.url(far.port), self.envelopes("ann"))
        assert played.waits == ([seconds] if self.says_when else [None])

    def test_one_failure_inside_a_success_harms_no_other(self):
        batch = self.batch()
        with self.playing("failure_inside") as far:
            (played,) = self.send(self.url(far.port), batch)
        assert played.outcomes == ["rejected"] + ["accepted"] * (len(batch) - 1)

    def test_a_dead_address_is_closed_where_the_vendor_says_so(self):
        with self.playing("dead_address") as far:
            (played,) = self.send(self.url(far.port), self.envelopes("ann"))
        assert (played.outcomes, played.receipts[0].suppress) == (["rejected"], self.suppresses)

    @pytest.mark.parametrize("case", ["reordered", "duplicated", "shortened"])
    def test_answers_that_fit_no_message_accept_none_wrongly(self, case):
        batch = self.batch()
        with self.playing(case) as far:
            (played,) = self.send(self.url(far.port), batch)
        ids = [envelope.message.message_id for envelope in batch]
        assert [receipt.message_id for receipt in played.receipts] == ids
        assert set(played.outcomes) <= {"accepted", "unknown"}
        names = [receipt.provider_message_id for receipt in played.receipts if receipt.outcome == "accepted"]
        assert names == [
            f"name-of-{e.message.message_id}"
            for e, r in zip(batch, played.receipts, strict=True)
            if r.outcome == "accepted"
        ]

    def test_where_nobody_listens_nothing_has_left(self):
        (played,) = self.send(self.url(nobody()), self.envelopes("ann"))
        assert set(played.outcomes) == {"retry"}

    def test_an_empty_batch_does_not_even_connect(self):
        with self.playing("accepted") as far:
            (played,) = self.send(self.url(far.port), [])
            assert (played.receipts, played.error, far.connections) == ([], None, 0)

    def test_a_connection_that_ends_when_it_is_used_again_leaves_a_doubt_and_no_second_mail(self):
        with self.playing("accepted", "cut_after_request", "accepted") as far:
            first, second = self.send(self.url(far.port), self.envelopes("ann"), self.envelopes("bob"))
            assert (first.outcomes, second.outcomes) == (["accepted"], ["unknown"])
            assert sorted(self.keys(far)) == ["message-ann", "message-bob"]

    def test_a_connection_that_ended_while_idle_is_not_used_again(self):
        with self.playing("accepted") as far:
            first, second = self.send(
                self.url(far.port), self.envelopes("ann"), self.envelopes("bob"), between=lambda: hang_up(far)
            )
            assert (first.outcomes, second.outcomes) == (["accepted"], ["accepted"])
            assert sorted(self.keys(far)) == ["message-ann", "message-bob"]

    def test_many_calls_at_once_keep_their_answers_apart(self):
        people = [f"p{number}" for number in range(40)]

        async def run(url):
            sender = self.open(url, PATIENCE)
            try:
                return await asyncio.gather(*(one_call(sender, [each]) for each in self.envelopes(*people)))
            finally:
                await sender.close()

        with self.playing("accepted") as far:
            played = asyncio.run(run(self.url(far.port)))
            keys = self.keys(far)
        assert [(each.receipts[0].message_id, each.outcomes) for each in played] == [
            (f"message-{person}", ["accepted"]) for person in people
        ]
        assert sorted(keys) == sorted(f"message-{person}" for person in people)

    @pytest.mark.parametrize("case", ["broken", "unparsable", "cut_after_request"])
    def test_the_ledger_never_sends_a_doubt_again(self, case, through_the_ledger):
        with self.playing(case, "accepted") as far:
            states = through_the_ledger(self, far, hours=(0, 1, 5))
            assert (states, len(self.keys(far)) <= 1) == (["unknown"] * 3, True)

    @pytest.mark.parametrize("case", ["busy", "unavailable"])
    def test_the_ledger_sends_later_what_was_not_taken_once(self, case, through_the_ledger):
        with self.playing(case, "accepted") as far:
            states = through_the_ledger(self, far, hours=(0, 5, 10))
            sent = self.keys(far)
        assert states == ["retry", "accepted", "accepted"]
        assert sent[-1:] == ["message-ann"]

    def test_closing_ends_every_connection(self):
        with self.playing("accepted") as far:
            self.send(self.url(far.port), self.batch())
            assert far.connections
            for _ in range(250):
                if not far.open_connections:
                    break
                time.sleep(0.02)
            assert far.open_connections == 0


class HttpConformance(Conformance):
    """The cases over HTTP. A subclass gives `open`, `accepted` and `keys_of`, and what else differs.

    `failure_inside`, `dead_address`, `reordered`… are answers, or functions from the request to one.
    """

    busy = Answer(429, {"error": "too many"}, {"Retry-After": "7"})
    busy_until = Answer(
        429,
        "",
        {
            # By the vendor's own clock, which is an hour off.
            "Date": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True),
            "Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=1, seconds=90), usegmt=True),
        },
    )
    unavailable = Answer(503, "<h1>Service Unavailable</h1>")
    broken = Answer(500, "<h1>Internal Server Error: ann@example.com</h1>")
    bad_gateway = Answer(502, "<h1>Bad Gateway</h1>")
    gateway_timeout = Answer(504, "")
    bad_credentials = Answer(401, {"error": "unauthorized"})
    moved = Answer(307, "", {"Location": "/elsewhere"})
    refused_content = Answer(400, {"error": "ann@example.com cannot be sent this"})
    unparsable = Answer(200, "<html>Welcome to the login page</html>")
    silent = Silence
    cut_in_request = CutInRequest
    cut_after_request = CutAfterRequest

    def accepted(self, request):
        """The vendor's answer when all is well."""
        raise NotImplementedError

    def keys_of(self, request):
        """The message ids in one request."""
        raise NotImplementedError

    def cut_answer(self, request):
        return CutAnswer(self.accepted(request))

    def far_end(self):
        return Vendor()

    def prepare(self, far, *cases):
        far.answers([self.plan(case) for case in cases])

    def plan(self, case):
        """What the vendor does; its log, where it has one, cannot be asked."""
        plan = getattr(self, case)
        if not inspect.ismethod(plan):
            return plan
        return lambda request: Answer(500) if request.method == "GET" else plan(request)

    def keys(self, far):
        return [key for request in far.requests if request.method == "POST" for key in self.keys_of(request)]


async def one_call(sender, batch):
    try:
        return Played(await sender.send(batch))
    except (TryAgain, StopSync, Indivisible) as error:
        return Played([], error)


def hang_up(far):
    """End the idle connections, and let the news arrive."""
    far.hang_up()
    time.sleep(0.3)
