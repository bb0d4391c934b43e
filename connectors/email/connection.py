"""A connection to an SMTP server: greeted, encrypted where offered, logged in; then ours."""

from __future__ import annotations

from asyncio import Transport
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPHeloError

from connectors.email.dialogue import Abilities, Dialogue
from connectors.errors import StopSync, TryAgain
from connectors.leaving import ask_to_leave

PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect, and as whom; `use_tls`: from the first byte, else by STARTTLS when offered."""

    host: str | None
    port: int
    user: str | None
    password: str | None
    use_tls: bool

    @classmethod
    def at(cls, url: str) -> Server:
        """The server at `smtp://[user:password@]host[:port]` or `smtps://…`."""
        parts = urlsplit(url)
        return cls(
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            use_tls=parts.scheme == "smtps",
        )


async def open_dialogue(server: Server, return_path: str, timeout_seconds: float) -> Dialogue:
    """Connect.

    Raises:
        StopSync: the server refuses our login.
        TryAgain: there is no server, or not now; or it has become too late to send.
    """
    client = SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.use_tls,
        timeout=timeout_seconds,
        local_hostname="localhost",
    )
    try:
        await client.connect()
        await _introduce(client)
        ask_to_leave()
    except TryAgain:
        client.close()
        raise
    except SMTPAuthenticationError as error:
        raise StopSync(f"the SMTP server refused the login ({error.code}): check MILLRACE_SMTP") from error
    except (SMTPException, OSError) as error:
        client.close()
        raise TryAgain(f"no SMTP connection: {type(error).__name__}") from error
    abilities = Abilities(client.supports_extension("pipelining"), client.supports_extension("8bitmime"))
    return Dialogue(cast("Transport", client.transport), abilities, return_path, timeout_seconds)


async def _introduce(client: SMTP) -> None:
    """EHLO, or HELO where the server is older than that; a login has said it already."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except SMTPHeloError:
        await client.helo()
