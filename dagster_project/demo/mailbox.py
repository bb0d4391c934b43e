"""The demo's mail provider: a real SMTP server on loopback that keeps every accepted mail as a file."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller

from connectors.links import BadLink, Link, Links

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
MESSAGE_ID_HEADER = "X-Millrace-Message-Id"
FLOW_HEADER = "X-Millrace-Flow"
TEMPLATE_HEADER = "X-Millrace-Template"
_LINK = re.compile(r'href="([^"]+)"')


@dataclass(frozen=True)
class Mail:
    """What a recipient sees of a mail, and what the signed links in it say.

    Attributes:
        message_id: our id.
        profile_id: the opaque person that the links name.
        flow: which flow or campaign it belongs to.
        template: which template it was made from.
        address: whom it was delivered to.
        target: where its first button leads; none without one.
        can_unsubscribe: whether it carries `List-Unsubscribe`.
    """

    message_id: str
    profile_id: str
    flow: str
    template: str
    address: str
    target: str | None
    can_unsubscribe: bool


class MailServer:
    """Answers 550 for addresses that are gone, 451 to the first attempt at busy ones, else keeps the mail.

    Use it as a context manager; `url` is known inside.
    """

    def __init__(
        self,
        folder: Path,
        links: Links,
        *,
        gone: frozenset[str] = frozenset(),
        busy: frozenset[str] = frozenset(),
    ) -> None:
        self._folder = folder
        self._links = links
        self._gone = gone
        self._busy = set(busy)
        self._fresh: list[Path] = []
        self._controller = _FreePort(self, hostname=HOST)

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        return f"smtp://{HOST}:{self._controller.port}"

    def take(self) -> list[Mail]:
        """Mails accepted since the last call, by our message id, so that their order is always the same."""
        fresh, self._fresh = self._fresh, []
        return sorted((read_mail(path, self._links) for path in fresh), key=lambda mail: mail.message_id)

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse for ever, refuse once, or take the recipient."""
        if address.lower() in self._gone:
            return "550 5.1.1 no such mailbox"
        if address.lower() in self._busy:
            self._busy.discard(address.lower())
            return "451 4.2.1 mailbox busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail as a file that a mail program can open."""
        headers = BytesHeaderParser().parsebytes(envelope.content)
        path = self._free(self._folder / file_name(headers))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(envelope.content)
        self._fresh.append(path)
        return "250 OK kept"

    def _free(self, path: Path) -> Path:
        """A path of its own for every mail: one that comes twice is seen twice."""
        return path.with_stem(f"{path.stem}-again-{len(self._fresh)}") if path.exists() else path

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()


class _FreePort(Controller):  # type: ignore[misc]
    """Listens on any free port, which is known before the first connection."""

    def _create_server(self) -> Any:  # noqa: ANN401  (aiosmtpd has no types)
        listening = socket.create_server((HOST, 0))
        self.port = listening.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=listening)


def file_name(headers: Message) -> str:
    """`<day>/<template>-<start of our id>.eml`."""
    day = parsedate_to_datetime(headers["Date"]).date()
    return f"{day}/{headers[TEMPLATE_HEADER].split('/')[-1]}-{headers[MESSAGE_ID_HEADER][:12]}.eml"


def read_mail(path: Path, links: Links) -> Mail:
    """Parse a kept mail; the profile id is in every link that we signed, wherever it leads."""
    parsed = BytesParser().parsebytes(path.read_bytes())
    html = next(part for part in parsed.walk() if part.get_content_type() == "text/html")
    content = html.get_payload(decode=True)
    urls = [unescape(url) for url in _LINK.findall(content.decode() if isinstance(content, bytes) else "")]
    unsubscribe_url = (parsed["List-Unsubscribe"] or "").split(",")[0].strip(" <>")
    signed = [link for url in (*urls, unsubscribe_url) if (link := _read(links, url))]
    return Mail(
        message_id=parsed[MESSAGE_ID_HEADER],
        profile_id=signed[0].profile_id,
        flow=parsed[FLOW_HEADER],
        template=parsed[TEMPLATE_HEADER],
        address=parseaddr(parsed["To"])[1].lower(),
        target=next((link.url for link in signed if link.purpose == "click"), urls[0] if urls else None),
        can_unsubscribe=bool(unsubscribe_url),
    )


def _read(links: Links, url: str) -> Link | None:
    try:
        return links.read(url)
    except BadLink:
        return None
