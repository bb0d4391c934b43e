"""A vendor that is a folder: what would have been sent can be read, through the same ledger."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from connectors.model import Envelope, Receipt


class FolderSender:
    """Writes one file per message, by day, template and message id: a repetition changes nothing."""

    provider = "console"
    batch_size = 100
    is_repeatable = True

    def __init__(self, channel: str, folder: Path) -> None:
        self.channel = channel
        self._folder = folder

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Write the files; each is complete or absent."""
        return [self._write(envelope) for envelope in batch]

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, envelope: Envelope) -> Receipt:
        message, content = envelope.message, envelope.content
        name = (message.template or message.channel).rpartition("/")[2]
        path = self._folder / f"{envelope.sent_at:%Y-%m-%d}" / f"{name}-{message.message_id[:12]}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            f"To: {message.address}",
            f"Title: {content.subject}" if content.subject else "",
            content.text,
        ]
        lines += [content.url or "", json.dumps(content.data, indent=2, default=str) if content.data else ""]
        arriving = path.with_suffix(f".{os.getpid()}.tmp")
        arriving.write_text("\n".join(line for line in lines if line) + "\n")
        arriving.replace(path)
        return Receipt(message.message_id, "accepted", self.provider, provider_message_id=message.message_id)
