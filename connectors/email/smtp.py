"""E-mail over SMTP: any provider, any relay, the demo's own server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
)

from connectors.delivery.sender import Rate
from connectors.email.mime import compose, recipient
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.model import Envelope, Message, Outcome, Receipt, SuppressionReason

PORTS = {"smtp": 25, "smtps": 465}
TEMPORARY = range(400, 500)
NO_SUCH_MAILBOX = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
"""RFC 3463: the address is wrong for good; other refusals (policy, content, size) say nothing about it."""


class SmtpSender:
    """A pool of reused connections; each message has its own envelope and its own outcome.

    Args:
        url: `smtp://[user:password@]host[:port]` (STARTTLS when offered), `smtps://` for TLS from the start.
        mail_from: mailbox in `From:`; its address is also the envelope's sender.
        connections: how many at once.
        timeout_seconds: for any one command; over it, in DATA, the outcome is unknown.
    """

    channel = "email"
    provider = "smtp"
    is_repeatable = False
    rate = Rate()

    def __init__(
        self, url: str, mail_from: str, *, connections: int = 4, timeout_seconds: float = 30
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port or PORTS[parts.scheme]
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._use_tls = parts.scheme == "smtps"
        self._mail_from = mail_from
        self._return_path = parseaddr(mail_from)[1]
        self._timeout = timeout_seconds
        self._idle: list[aiosmtplib.SMTP] = []
        self._slots = asyncio.Semaphore(connections)
        self.batch_size = 8 * connections

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message over the next free connection; the first one proves that the server is there."""
        if batch:
            self._idle.append(await self._connection())
        return list(await asyncio.gather(*(self._send_one(envelope) for envelope in batch)))

    def serves(self, message: Message) -> bool:  # noqa: ARG002  (any address)
        """Whatever the address."""
        return True

    async def close(self) -> None:
        """Say goodbye on every connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(client.quit() for client in idle), return_exceptions=True)

    async def _send_one(self, envelope: Envelope) -> Receipt:
        message_id = envelope.message.message_id
        try:
            data, address = compose(envelope, self._mail_from), recipient(envelope.message.address)
        except Rejected as error:
            return Receipt(message_id, "rejected", self.provider, reason=str(error))
        async with self._slots:
            try:
                client = await self._connection()
            except (TryAgain, StopSync) as error:
                return Receipt(message_id, "retry", self.provider, reason=str(error))
            receipt = await self._transaction(client, message_id, address, data)
        if client.is_connected:
            self._idle.append(client)
        return receipt

    async def _transaction(
        self, client: aiosmtplib.SMTP, message_id: str, address: str, data: bytes
    ) -> Receipt:
        """MAIL, RCPT, DATA. A connection that breaks before DATA sent nothing; after it, nobody knows."""
        has_left = False
        try:
            await client.mail(self._return_path)
            await client.rcpt(address)
            has_left = True
            response = await client.data(data)
        except SMTPResponseException as error:
            await _reset(client)
            return self._refused(message_id, error.code, error.message)
        except (SMTPException, OSError) as error:
            client.close()
            outcome: Outcome = "unknown" if has_left else "retry"
            return Receipt(
                message_id, outcome, self.provider, reason=f"connection_lost: {type(error).__name__}"
            )
        return Receipt(message_id, "accepted", self.provider, provider_message_id=_queue_id(response.message))

    def _refused(self, message_id: str, code: int, text: str) -> Receipt:
        """One reply code as a receipt; the reason keeps codes, not the text, which may quote the address."""
        status = text.split(maxsplit=1)[0] if text[:2] in ("4.", "5.") else ""
        reason = f"smtp {code} {status}".strip()
        if code in TEMPORARY:
            return Receipt(message_id, "retry", self.provider, reason=reason)
        is_dead = status.startswith(NO_SUCH_MAILBOX) or (code in (550, 551, 553) and not status)
        suppress: SuppressionReason | None = "hard_bounced" if is_dead else None
        return Receipt(message_id, "rejected", self.provider, reason=reason, suppress=suppress)

    async def _connection(self) -> aiosmtplib.SMTP:
        """An idle connection that still stands, or a new one."""
        while self._idle:
            client = self._idle.pop()
            if client.is_connected:
                return client
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._use_tls,
            timeout=self._timeout,
            local_hostname="localhost",
        )
        try:
            await client.connect()
        except SMTPAuthenticationError as error:
            raise StopSync(
                f"the SMTP server refused the login ({error.code}): check MILLRACE_SMTP"
            ) from error
        except (SMTPException, OSError) as error:
            raise TryAgain(f"no SMTP connection: {type(error).__name__}") from error
        return client


async def _reset(client: aiosmtplib.SMTP) -> None:
    try:
        await client.rset()
    except (SMTPException, OSError):
        client.close()


def _queue_id(text: str) -> str | None:
    """The server's own name for the message, where it says one: `2.0.0 Ok: queued as 4F1A2`."""
    _, found, queue_id = text.partition("queued as ")
    return queue_id.split()[0] if found and queue_id.split() else None
