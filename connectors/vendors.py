"""Which vendor serves which channel: one line each."""

from __future__ import annotations

from pathlib import Path

from connectors.delivery.console import FolderSender
from connectors.delivery.profile_update import ProfileUpdates
from connectors.delivery.sender import Sender
from connectors.email.console import console_email
from connectors.email.smtp import SmtpSender
from connectors.push.console import console_push
from connectors.sms.console import console_sms


def open_senders(outbox: Path, mail_from: str, smtp_url: str | None) -> dict[str, Sender]:
    """The senders of an installation by channel; without an SMTP server, mails stay in the outbox folder."""
    senders: tuple[Sender, ...] = (
        SmtpSender(smtp_url, mail_from) if smtp_url else console_email(outbox, mail_from),
        console_sms(outbox),
        console_push(outbox),
        ProfileUpdates(),
        FolderSender("webhook", outbox / "webhook"),
    )
    return {sender.channel: sender for sender in senders}
