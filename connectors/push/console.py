"""Push notifications as files that a person can open."""

from __future__ import annotations

from pathlib import Path

from connectors.delivery.console import FolderSender


def console_push(outbox: Path) -> FolderSender:
    """A sender that keeps push notifications under `<outbox>/push/`."""
    return FolderSender("push", outbox / "push")
