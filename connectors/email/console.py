"""E-mails as files that a mail program can open, for an installation without a mail server."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from connectors.delivery.console import FolderSender
from connectors.email.mime import compose


def console_email(outbox: Path, mail_from: str) -> FolderSender:
    """A sender that keeps mails under `<outbox>/email/`."""
    return FolderSender("email", outbox / "email", partial(compose, mail_from=mail_from), ".eml")
