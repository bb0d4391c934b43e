"""A vendor that is a folder: what would have been sent can be read, through the same ledger."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from connectors.delivery.sender import AnyAddress, Rate
from connectors.errors import Rejected
from connectors.model import Envelope, Receipt


def as_text(envelope: Envelope) -> bytes:
    """A message as a person reads it: to whom, title, text, link, picture, buttons, data."""
    message, content = envelope.message, envelope.content
    lines = [f"To: {message.address}", f"Title: {content.subject}" if content.subject else "", content.text]
    lines += [content.url or "", f"Picture: {content.image}" if content.image else ""]
    lines += [f"[{action.title}] {action.url or ''}".rstrip() for action in content.actions]
    lines += [json.dumps(content.data, indent=2, default=str) if content.data else ""]
    return "".join(f"{line}\n" for line in lines if line).encode()


class FolderSender(AnyAddress):
    """Writes one file per message, by day, template and message id: a repetition changes nothing."""

    provider = "console"
    batch_size = 100
    is_repeatable = True
    rate = Rate()

    def __init__(
        self,
        channel: str,
        folder: Path,
        encode: Callable[[Envelope], bytes] = as_text,
        suffix: str = ".txt",
    ) -> None:
        self.channel = channel
        self._folder = folder
        self._encode = encode
        self._suffix = suffix

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Write the files; each is complete or absent."""
        return [self._write(envelope) for envelope in batch]

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, envelope: Envelope) -> Receipt:
        message = envelope.message
        try:
            content = self._encode(envelope)
        except Rejected as error:
            return Receipt(message.message_id, "rejected", self.provider, reason=str(error))
        name = (message.template or message.channel).rpartition("/")[2]
        path = (
            self._folder / f"{envelope.sent_at:%Y-%m-%d}" / f"{name}-{message.message_id[:12]}{self._suffix}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        arriving = path.with_suffix(f".{os.getpid()}.tmp")
        arriving.write_bytes(content)
        arriving.replace(path)
        return Receipt(message.message_id, "accepted", self.provider, provider_message_id=message.message_id)
