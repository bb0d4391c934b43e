"""Text messages as files that a person can open."""

from __future__ import annotations

from pathlib import Path

from connectors.delivery.console import FolderSender


def console_sms(outbox: Path) -> FolderSender:
    """A sender that keeps text messages under `<outbox>/sms/`."""
    return FolderSender("sms", outbox / "sms")
