"""No server is rude enough to make us send twice, or believe what was not said."""

import asyncio
import ssl
from collections import Counter, deque

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.email import smtp
from connectors.email.dialogue import CUT, Abilities, Dialogue, Letter, Lost
from connectors.email.smtp import SmtpSender
from connectors.errors import TryAgain
from connectors.model import Content, Envelope
from tests.connectors.conformance.http2 import certificate
from tests.connectors.email.nasty_server import ACTIONS, Manners, NastyServer

PEOPLE = ("ann", "bob", "cid")
PATIENCE_SECONDS = 0.15


@pytest.fixture(autouse=True)
def short_mails(monkeypatch):
    """Contents of a few bytes, so that every byte of a dialogue can be its last."""
    monkeypatch.setattr(
        smtp, "compose", lambda envelope, _, **__: f"X: 1\r\n\r\n.{envelope.message.profile_id}\r\n".encode()
    )


@pytest.fixture
def envelopes(message, now):
    return [Envelope(message(person), Content("-"), now) for person in PEOPLE]


async def deliver(envelopes, server, **options):
    """Receipts by person; none at all when there was no connection."""
    sender = SmtpSender(server.url, "shop@shop.example", **({"timeout_seconds": PATIENCE_SECONDS} | options))
    try:
        receipts = await sender.send(envelopes)
    except TryAgain:
        return dict.fromkeys(PEOPLE, "retry")
    finally:
        await sender.close()
    assert [receipt.message_id for receipt in receipts] == [e.message.message_id for e in envelopes]
    return {receipt.message_id.removeprefix("message-"): receipt.outcome for receipt in receipts}


async def meet(manners, envelopes, **options):
    """Send three mails to such a server and hold it against what the server has."""
    async with NastyServer(manners).running() as server:
        outcomes = await deliver(envelopes, server, **options)
        await asyncio.sleep(0)
    assert max(server.kept.values(), default=0) <= 1, "sent twice"
    assert {who for who in outcomes if outcomes[who] in ("retry", "rejected")}.isdisjoint(server.kept)
    assert {who for who in outcomes if outcomes[who] == "accepted"} <= set(server.told)
    assert server.errors == []
    return outcomes, server


EXTENSIONS = {"pipelining": ("PIPELINING", "8BITMIME"), "lockstep": ("8BITMIME",)}


@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
@pytest.mark.parametrize("is_abrupt", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("side", ["cut_after_read", "cut_after_said"])
def test_a_cut_after_any_byte_is_told_as_it_is(envelopes, extensions, is_abrupt, side):
    async def run():
        seen = Counter()
        for position in range(10_000):
            manners = Manners(extensions, is_abrupt=is_abrupt, **{side: position})
            outcomes, server = await meet(manners, envelopes, connections=1)
            seen.update(outcomes.values())
            if server.connections == 1 and set(outcomes.values()) == {"accepted"}:
                return position, seen
        raise AssertionError("the dialogue never ended")

    positions, seen = asyncio.run(run())
    assert positions > 150
    assert set(seen) == {"accepted", "unknown", "retry"}


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(("reply", "outcome"), [("451 4.3.0 later", "retry"), ("554 5.7.1 no", "rejected")])
@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
def test_a_refusal_concerns_one_message_wherever_it_comes(envelopes, verb, reply, outcome, extensions):
    manners = Manners(extensions, {verb: [None, reply]})
    outcomes, server = asyncio.run(meet(manners, envelopes, connections=1, timeout_seconds=10))
    assert outcomes == {"ann": "accepted", "bob": outcome, "cid": "accepted"}
    assert server.connections == 1


def test_a_server_that_wants_the_content_for_a_refused_recipient_gets_none(envelopes):
    manners = Manners(replies={"RCPT": ["550 5.1.1 no"]}, wants_any_content=True)
    outcomes, server = asyncio.run(meet(manners, envelopes, connections=1, timeout_seconds=10))
    assert outcomes == {"ann": "rejected", "bob": "accepted", "cid": "accepted"}
    assert (server.empty_contents, sorted(server.contents)) == (1, ["bob", "cid"])


@pytest.mark.parametrize("abilities", [Abilities(pipelining=True), Abilities()], ids=EXTENSIONS)
def test_a_letter_is_not_blamed_for_the_connections_that_letters_before_it_broke(abilities):
    class Wire(asyncio.Transport):
        written, is_over = b"", False

        def write(self, data):
            self.written += data

        def abort(self):
            self.is_over = True

        def is_closing(self):
            return self.is_over

        def set_protocol(self, protocol):
            pass

    def letter(name):
        return Letter(f"{name}@example.com", lambda _: b"X: 1\r\n\r\n")

    async def behind_a_cut(first, second):
        """Both are taken by one connection, which breaks under the content of the first."""
        wire, queue = Wire(), deque([first, second])
        dialogue = Dialogue(wire, abilities, "shop@example.com", 10)
        delivery = asyncio.create_task(dialogue.deliver(queue))
        await asyncio.sleep(0)
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            dialogue.data_received(reply)
        assert b"X: 1" in wire.written
        dialogue.connection_lost(None)
        await delivery
        return list(queue)

    last = letter("cid")
    for name in ("ann", "bob", "dan"):
        first = letter(name)
        assert asyncio.run(behind_a_cut(first, last)) == [last]
        assert first.fate == Lost(CUT, has_left=True)
        assert last.fate is None


def test_a_421_that_ends_the_connection_is_a_no(envelopes):
    outcomes, _ = asyncio.run(meet(Manners(replies={".": ["421 and cut"]}), envelopes, connections=1))
    assert outcomes == {"ann": "retry", "bob": "accepted", "cid": "accepted"}


@pytest.mark.parametrize("action", ["stray 421 first", "421 and silence"])
def test_a_421_after_which_the_server_goes_on_is_a_doubt(envelopes, action):
    outcomes, _ = asyncio.run(meet(Manners(replies={".": [action]}), envelopes, connections=1))
    assert outcomes == {"ann": "unknown", "bob": "accepted", "cid": "accepted"}


def test_replies_may_come_byte_by_byte(envelopes):
    manners = Manners(is_slow=True, replies={".": ["multi-line"] * 3, "DATA": ["multi-line"] * 3})
    outcomes, _ = asyncio.run(meet(manners, envelopes, timeout_seconds=10))
    assert set(outcomes.values()) == {"accepted"}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_same_dialogue_goes_through_tls(envelopes, run, monkeypatch):
    server_tls, client_tls = certificate()
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: client_tls)

    async def encrypted():
        async with NastyServer(Manners()).running(server_tls) as server:
            return await deliver(envelopes, server, connections=1, timeout_seconds=10)

    assert run(encrypted()) == dict.fromkeys(PEOPLE, "accepted")


def test_what_begins_with_a_dot_arrives_with_it(envelopes):
    _, server = asyncio.run(meet(Manners(), envelopes, timeout_seconds=10))
    assert server.contents == {who: f"X: 1\r\n\r\n..profile-{who}".encode() for who in PEOPLE}


REPLY = st.sampled_from(
    [None, None, None, *ACTIONS, "450 4.2.0 later", "550 5.1.1 gone", "354 go", "220 hello"]
)
REPLIES = st.fixed_dictionaries(
    {verb: st.lists(REPLY, max_size=4) for verb in ("MAIL", "RCPT", "DATA", ".", "RSET")}
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    replies=REPLIES,
    extensions=st.sampled_from(list(EXTENSIONS.values())),
    connections=st.integers(1, 2),
    is_abrupt=st.booleans(),
    is_slow=st.booleans(),
)
def test_whatever_a_server_says_nothing_is_sent_twice_or_believed(
    envelopes, replies, extensions, connections, is_abrupt, is_slow
):
    turns = {verb: list(said) for verb, said in replies.items()}
    manners = Manners(extensions, turns, is_abrupt=is_abrupt, is_slow=is_slow)
    asyncio.run(meet(manners, envelopes, connections=connections))
