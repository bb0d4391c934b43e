"""What delivery is held against: the usual way to send a mail from Python, and the wire's own limit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from email.message import EmailMessage
from functools import partial

import aiosmtplib

from connectors.model import Envelope

CONNECTIONS = 8


async def send_with_aiosmtplib(port: int, envelopes: Sequence[Envelope], mail_from: str) -> None:
    """An `EmailMessage` for each, rendered and decided beforehand, over as many connections as ours."""
    queue = deque(envelopes)

    async def work() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, local_hostname="localhost") as client:
            while queue:
                await client.send_message(as_email_message(queue.popleft(), mail_from))

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def as_email_message(envelope: Envelope, mail_from: str) -> EmailMessage:
    """The same mail as ours, put together by the standard library."""
    message, content = envelope.message, envelope.content
    mail = EmailMessage()
    mail["Message-ID"] = f"<{message.message_id}@shop.example>"
    mail["From"] = mail_from
    mail["To"] = message.address
    mail["Subject"] = content.subject
    mail["X-Millrace-Message-Id"] = message.message_id
    mail["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(content.text)
    mail.add_alternative(content.html, subtype="html")
    return mail


class BareClient(asyncio.Protocol):
    """Nothing but the bytes: one message, prepared once, as often as the server takes it. Checks nothing."""

    def __init__(self, content: bytes, share: int) -> None:
        self.commands = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
        self.content = content + b".\r\n"
        self.left = share
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(b"EHLO localhost\r\n" + self.commands)

    def data_received(self, data: bytes) -> None:
        if b"354" in data:
            self.left -= 1
            self.transport.write(self.content + self.commands if self.left else self.content)
        elif not self.left and not self.done.done():
            self.done.set_result(None)
            self.transport.close()


async def send_bare(port: int, content: bytes, count: int) -> None:
    """The limit of the wire and of this machine's event loop."""
    loop = asyncio.get_running_loop()
    shares = [len(range(first, count, CONNECTIONS)) for first in range(min(CONNECTIONS, count))]
    clients = [
        (await loop.create_connection(partial(BareClient, content, share), "127.0.0.1", port))[1]
        for share in shares
    ]
    await asyncio.gather(*(client.done for client in clients))
