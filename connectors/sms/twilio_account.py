"""A Twilio account: what SMS, MMS and WhatsApp through Twilio have in common.

The SDK builds and reads the requests; they travel through the client of all vendors, because only that one
knows whether bytes have left. The SDK's own asynchronous client drops its time limit and writes the numbers
that it asks about into the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.rest.api.v2010.account.message import MessageInstance  # type: ignore[import-untyped]

from connectors.errors import StopSync, TryAgain
from connectors.http import HttpClient, Reply, judge
from connectors.links import named_in
from connectors.model import Doubt, Envelope, Receipt, SuppressionReason

PROVIDER = "twilio"

SUPPRESSIONS: Mapping[int, SuppressionReason] = {
    21610: "stop",  # the recipient has sent STOP to this sender
    21211: "hard_bounced",  # not a phone number
    21217: "hard_bounced",  # not a valid phone number
    21614: "hard_bounced",  # not a number that can receive texts
    21635: "hard_bounced",  # a landline, in a country where Twilio sends none
    30005: "hard_bounced",  # unknown, inactive or no longer in service
    63003: "hard_bounced",  # WhatsApp knows no such account
}
"""Codes that close an address. Not 30003 (phone switched off), 30006 (also an unreachable carrier), 30007."""

OUR_FAULT = frozenset({20003, 20005, 21603, 21606, 21660, 21701, 21703, 30002, 63007, 90010})
"""Account, credentials or sender: every message would fail until a person acts."""

NOT_TAKEN = frozenset({20429, 21611, 63018})
"""Too many requests, or too many messages queued on the sender: Twilio has taken nothing."""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FAILED = ("failed", "undelivered", "canceled")
LONGEST_LOG = 1000
"""Entries asked for per number: one page."""

CLOCK_DIFFERENCE = timedelta(minutes=2)
LONGEST_VALIDITY_SECONDS = 36_000
SHORTEST_VALIDITY_SECONDS = 5


class Refused(Exception):  # noqa: N818  (carries an answer through the SDK, no further)
    """An answer that is no success, or the lack of one."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"http {reply.status}")
        self.reply = reply


class Transport(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's seam for HTTP clients, filled with ours; `base_url` replaces scheme and host."""

    def __init__(self, base_url: str, login: aiohttp.BasicAuth, timeout_seconds: float) -> None:
        self.is_async = True
        self._client = HttpClient({"Authorization": login.encode()}, timeout_seconds=timeout_seconds)
        self._base = urlsplit(base_url)

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        **_: object,
    ) -> Response:
        """Carry a request of the SDK; login and time limit are the client's.

        Raises:
            Refused: no success.
            TryAgain, StopSync: as `HttpClient` does.
        """
        url = urlunsplit(urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        if method == "GET":
            query = {name: str(value) for name, value in (params or {}).items()}
            return Response(200, json.dumps(await self._client.ask(url, query, PROVIDER)))
        body = urlencode(dict(data or {}), doseq=True).encode()
        reply = await self._client.post(url, content=body, headers=FORM)
        if not reply.is_success:
            raise Refused(reply)
        return Response(reply.status, reply.body.decode(errors="replace"))

    async def close(self) -> None:
        """Give connections back."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class Twilio:
    """One account, its sender and where Twilio reports what became of a message.

    Attributes:
        origin: `messaging_service_sid` or `from_`, as the SDK calls them.
        status_callback: our public address for status callbacks; the message id is added to it.
    """

    client: Client
    transport: Transport
    origin: Mapping[str, str]
    status_callback: str | None = None

    async def create(self, envelope: Envelope, to: str, **fields: Any) -> Receipt:  # noqa: ANN401  (the SDK's)
        """Create one message.

        Args:
            envelope: the message; its id travels in the address of the status callback.
            to: as Twilio writes it: `+43…` or `whatsapp:+43…`.
            fields: what the channel adds: body, media_url, content_sid …

        Raises:
            TryAgain: Twilio has taken nothing, and may later.
            StopSync: account, credentials or sender are at fault.
        """
        message_id = envelope.message.message_id
        try:
            created = await self.client.messages.create_async(
                to=to, **self.origin, **self._reporting(message_id), **validity(envelope), **fields
            )
        except Refused as refused:
            return self._refused(message_id, refused.reply)
        except (ValueError, AttributeError):
            return Receipt(message_id, "unknown", PROVIDER, reason="unreadable_answer")
        return known(message_id, created)

    async def find(self, doubts: Sequence[Doubt], to: Mapping[str, str]) -> list[Receipt]:
        """What the account's log proves about messages of which nobody knows whether they left.

        Twilio has no key of ours, does not list callbacks, and dates a message only when it is sent; so all
        messages to the number are read, and those created since the attempt count. Their links name the
        message that they belong to:

        - one names the doubtful message: it was taken;
        - every one names another message, or there is none: it was not taken, no receipt;
        - one names nothing (a text without links, or redacted): nothing is proven, the receipt stays unknown.

        Args:
            doubts: what is asked about.
            to: message id → recipient as Twilio writes it.

        Raises:
            TryAgain: the log could not be read.
        """
        receipts = []
        for doubt in doubts:
            number = to[doubt.message_id]
            log = await self.client.messages.list_async(to=number, limit=LONGEST_LOG, page_size=LONGEST_LOG)
            receipts.append(proof(doubt, log))
        return [receipt for receipt in receipts if receipt]

    def _refused(self, message_id: str, reply: Reply) -> Receipt:
        """The meaning of Twilio's code, else of the status."""
        answer = reply.json()
        code = answer.get("code") if isinstance(answer, dict) else None
        if code in OUR_FAULT:
            raise StopSync(f"twilio {code}: check the account, MILLRACE_TWILIO_… and the sender")
        if code in NOT_TAKEN:
            raise TryAgain(f"twilio {code}", reply.retry_after_seconds())
        verdict = judge(reply, PROVIDER)
        assert verdict, "success is not refused"
        if verdict.outcome == "rejected" and code:
            return Receipt(
                message_id, "rejected", PROVIDER, reason=f"twilio {code}", suppress=SUPPRESSIONS.get(code)
            )
        return verdict.receipt(message_id, PROVIDER)

    def _reporting(self, message_id: str) -> dict[str, str]:
        if not self.status_callback:
            return {}
        joint = "&" if "?" in self.status_callback else "?"
        return {"status_callback": f"{self.status_callback}{joint}{urlencode({'message_id': message_id})}"}


def open_twilio(
    account_sid: str,
    auth_token: str,
    *,
    messaging_service_sid: str | None,
    sender: str | None,
    status_callback: str | None,
    base_url: str,
    timeout_seconds: float,
) -> Twilio:
    """An account with the Messaging Service or the number that it sends from.

    Raises:
        StopSync: neither of them is given.
    """
    if not (messaging_service_sid or sender):
        raise StopSync("twilio: give a Messaging Service or a number to send from")
    login = aiohttp.BasicAuth(account_sid, auth_token)
    transport = Transport(base_url, login, timeout_seconds)
    # An empty mapping would make the SDK read the environment of the process.
    client = Client(account_sid, auth_token, http_client=transport, environment={"": ""})
    named = {"messaging_service_sid": messaging_service_sid, "from_": sender}
    return Twilio(client, transport, {key: value for key, value in named.items() if value}, status_callback)


def validity(envelope: Envelope) -> dict[str, int]:
    """How long Twilio may keep the message in its queue: seconds until it expires, at most ten hours."""
    expires_at = envelope.message.expires_at
    if expires_at is None:
        return {}
    left = int((expires_at - envelope.sent_at).total_seconds())
    return {"validity_period": min(max(left, SHORTEST_VALIDITY_SECONDS), LONGEST_VALIDITY_SECONDS)}


def known(message_id: str, entry: MessageInstance) -> Receipt:
    """The receipt for a message as Twilio shows it: it may exist, and have failed all the same."""
    if not entry.sid:
        return Receipt(message_id, "unknown", PROVIDER, reason="unreadable_answer")
    if entry.status in FAILED:
        code = entry.error_code
        return Receipt(
            message_id,
            "rejected",
            PROVIDER,
            entry.sid,
            reason=f"twilio {code or entry.status}",
            suppress=SUPPRESSIONS.get(code or 0),
        )
    return Receipt(message_id, "accepted", PROVIDER, entry.sid)


def proof(doubt: Doubt, log: Sequence[MessageInstance]) -> Receipt | None:
    """What the log of one number says about one doubtful message; see `Twilio.find`."""
    since = (doubt.attempted_at - CLOCK_DIFFERENCE).replace(tzinfo=UTC)
    recent = [entry for entry in log if entry.date_created is None or entry.date_created >= since]
    owners = [(entry, named_in(entry.body or "")) for entry in recent]
    ours = [entry for entry, named in owners if doubt.message_id in named]
    if ours:
        return known(doubt.message_id, ours[0])
    is_complete = len(log) < LONGEST_LOG and all(named for _, named in owners)
    return (
        None if is_complete else Receipt(doubt.message_id, "unknown", PROVIDER, reason="log_proves_nothing")
    )
