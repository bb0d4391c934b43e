"""A Twilio account: what SMS, MMS and WhatsApp through Twilio have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from connectors.delivery.asking import ask_for_each
from connectors.delivery.sender import AnyAddress
from connectors.errors import StopSync, TryAgain
from connectors.http import Reply, judge
from connectors.model import Doubt, Envelope, Receipt
from connectors.sms.numbers import e164
from connectors.sms.twilio_codes import NOT_TAKEN, OUR_FAULT, PROVIDER, SUPPRESSIONS
from connectors.sms.twilio_log import LONGEST_LOG, known, proof
from connectors.sms.twilio_transport import Refused, Transport

LONGEST_VALIDITY_SECONDS = 36_000
SHORTEST_VALIDITY_SECONDS = 5


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

    async def find(self, doubt: Doubt, to: str) -> Receipt | None:
        """What the account's log proves about a message of which nobody knows whether it left.

        Twilio has no key of ours, does not list callbacks, and dates a message only when it is sent; so all
        messages to the number are read, and those created since the attempt count. Their links name the
        message that they belong to:

        - one names the doubtful message: it was taken;
        - every one names another message, or there is none: it was not taken, no receipt;
        - one names nothing (a text without links, or redacted): nothing is proven, the receipt stays unknown.

        Args:
            doubt: what is asked about.
            to: its recipient as Twilio writes it.

        Raises:
            TryAgain: the log could not be read, or shows messages to others.
        """
        try:
            log = await self.client.messages.list_async(to=to, limit=LONGEST_LOG, page_size=LONGEST_LOG)
        except (TwilioException, LookupError, TypeError, ValueError, AttributeError) as error:
            raise TryAgain(f"twilio could not be asked: {type(error).__name__}") from error
        if any(entry.to not in (to, None) for entry in log):
            raise TryAgain("twilio could not be asked: it answers with other messages")
        return proof(doubt, log)

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


class TwilioSender(AnyAddress):
    """What senders over a Twilio account share: how they are opened, read back and closed.

    Args:
        account_sid: `AC…`.
        auth_token: of the account.
        messaging_service_sid: `MG…`; Twilio picks the number and keeps to its throughput.
        sender: a number or name to send from; needed without a Messaging Service.
        status_callback: our public address for Twilio's status callbacks; `message_id` is added to it.
    """

    provider = PROVIDER
    batch_size = 1
    is_repeatable = False
    read_back_horizon = timedelta(minutes=15)
    prefix = ""
    """What Twilio writes before a number of the channel."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        messaging_service_sid: str | None = None,
        sender: str | None = None,
        status_callback: str | None = None,
        base_url: str = "https://api.twilio.com",
        timeout_seconds: float = 30.0,
    ) -> None:
        self._twilio = open_twilio(
            account_sid,
            auth_token,
            messaging_service_sid=messaging_service_sid,
            sender=f"{self.prefix}{sender}" if sender else None,
            status_callback=status_callback,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
        )

    async def read_back(self, doubts: Sequence[Doubt]) -> list[Receipt]:
        """What Twilio's log proves; see `Twilio.find`. Buttons are not in it."""
        return await ask_for_each(doubts, self.provider, self._look_up)

    async def close(self) -> None:
        """Give connections back."""
        await self._twilio.transport.close()

    def _address(self, number: str) -> str:
        """The number as Twilio writes it on this channel."""
        return f"{self.prefix}{e164(number)}"

    async def _look_up(self, doubt: Doubt) -> Receipt | None:
        return await self._twilio.find(doubt, self._address(doubt.address))


def validity(envelope: Envelope) -> dict[str, int]:
    """How long Twilio may keep the message in its queue: seconds until it expires, at most ten hours."""
    expires_at = envelope.message.expires_at
    if expires_at is None:
        return {}
    left = int((expires_at - envelope.sent_at).total_seconds())
    return {"validity_period": min(max(left, SHORTEST_VALIDITY_SECONDS), LONGEST_VALIDITY_SECONDS)}
