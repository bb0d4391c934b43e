"""E-mail over SMTP: any provider, any relay, the demo's own server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from connectors.delivery.sender import AnyAddress, Rate
from connectors.email.connection import Server, open_dialogue
from connectors.email.dialogue import ACCEPTED, Dialogue, Letter, Lost, Reply
from connectors.email.mime import compose, name_and_address, recipient
from connectors.errors import ConnectorError, Rejected, StopSync, TryAgain
from connectors.model import Envelope, Receipt, SuppressionReason

TEMPORARY = range(400, 500)
NO_SUCH_MAILBOX = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
"""RFC 3463: the address is wrong for good; other refusals (policy, content, size) say nothing about it."""


class SmtpSender(AnyAddress):
    """A pool of reused connections; each message has its own envelope and its own outcome.

    Args:
        url: `smtp://[user:password@]host[:port]` (STARTTLS when offered), `smtps://` for TLS from the start.
        mail_from: mailbox in `From:`; its address is also the envelope's sender.
        connections: how many at once.
        timeout_seconds: for any one reply; over it, after the content, the outcome is unknown.
    """

    channel = "email"
    provider = "smtp"
    batch_size = 100
    """More would save little; after a crash, as many may be in doubt."""
    is_repeatable = False
    rate = Rate()

    def __init__(
        self, url: str, mail_from: str, *, connections: int = 8, timeout_seconds: float = 30
    ) -> None:
        self._server = Server.at(url)
        self._mail_from = mail_from
        self._return_path = name_and_address(mail_from)[1]
        self._timeout = timeout_seconds
        self._connections = connections
        self._idle: list[Dialogue] = []
        self._slots = asyncio.Semaphore(connections)

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message over the next free connection; the first one proves that the server is there."""
        letters = [self._letter(envelope) for envelope in batch]
        queue = deque(letter for letter in letters if letter.fate is None)
        failure: ConnectorError | None = None
        if queue:
            async with self._slots:
                self._idle.append(await self._dialogue())
            workers = [self._work(queue) for _ in range(min(self._connections, len(queue)))]
            failure = next(filter(None, await asyncio.gather(*workers)), None)
        for letter in queue:
            letter.fate = Lost(str(failure), has_left=False)
        return [
            self._receipt(envelope.message.message_id, letter)
            for envelope, letter in zip(batch, letters, strict=True)
        ]

    async def close(self) -> None:
        """Say goodbye on every connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(dialogue.close() for dialogue in idle))

    def _letter(self, envelope: Envelope) -> Letter:
        def write(takes_8bit: bool) -> bytes:  # noqa: FBT001  (asked by position)
            return compose(envelope, self._mail_from, takes_8bit=takes_8bit)

        try:
            return Letter(recipient(envelope.message.address), write)
        except Rejected as error:
            return Letter("", write, fate=error)

    async def _work(self, queue: deque[Letter]) -> ConnectorError | None:
        """Empty the queue over one connection after the other; the error, when no new one can be had."""
        async with self._slots:
            while queue:
                try:
                    dialogue = await self._dialogue()
                except (TryAgain, StopSync) as error:
                    return error
                await dialogue.deliver(queue)
                if dialogue.is_usable:
                    self._idle.append(dialogue)
        return None

    def _receipt(self, message_id: str, letter: Letter) -> Receipt:
        """What became of a letter; without a word about it, it is in doubt."""
        match letter.fate:
            case Reply(code, text) if code == ACCEPTED:
                return Receipt(message_id, "accepted", self.provider, provider_message_id=_queue_id(text))
            case Reply(code, text):
                return self._refused(message_id, code, text)
            case Lost(reason, has_left=False):
                return Receipt(message_id, "retry", self.provider, reason=reason)
            case Lost(reason):
                return Receipt(message_id, "unknown", self.provider, reason=reason)
            case Rejected() as error:
                return Receipt(message_id, "rejected", self.provider, reason=str(error))
            case _:
                return Receipt(message_id, "unknown", self.provider, reason="no_answer")

    def _refused(self, message_id: str, code: int, text: str) -> Receipt:
        """One reply code as a receipt; the reason keeps codes, not the text, which may quote the address."""
        status = text.split(maxsplit=1)[0] if text[:2] in ("4.", "5.") else ""
        reason = f"smtp {code} {status}".strip()
        if code in TEMPORARY:
            return Receipt(message_id, "retry", self.provider, reason=reason)
        is_dead = status.startswith(NO_SUCH_MAILBOX) or (code in (550, 551, 553) and not status)
        suppress: SuppressionReason | None = "hard_bounced" if is_dead else None
        return Receipt(message_id, "rejected", self.provider, reason=reason, suppress=suppress)

    async def _dialogue(self) -> Dialogue:
        """An idle connection that still stands, or a new one."""
        while self._idle:
            dialogue = self._idle.pop()
            if dialogue.is_usable:
                return dialogue
        return await open_dialogue(self._server, self._return_path, self._timeout)


def _queue_id(text: str) -> str | None:
    """The server's own name for the message, where it says one: `2.0.0 Ok: queued as 4F1A2`."""
    _, found, queue_id = text.partition("queued as ")
    return queue_id.split()[0] if found and queue_id.split() else None
