"""The bytes of a landing file as one stream: unzipped; of a torn archive, the lines that are whole."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 16 << 20
PLAIN_BYTES = 1 << 20
UNZIPPED_BYTES = 8 << 10
"""What a damaged byte may take with it: zlib keeps nothing of a call that fails."""
TORN = (EOFError, zlib.error, gzip.BadGzipFile)


class Source(io.RawIOBase):
    """A file as it arrived; `torn` says why it ended too early. The stream stays the caller's to close."""

    def __init__(self, stream: BinaryIO, *, is_zipped: bool) -> None:
        self._pieces = self._unzipped(stream) if is_zipped else iter(lambda: stream.read(PLAIN_BYTES), b"")
        self._piece = memoryview(b"")
        self.torn: Exception | None = None

    def readable(self) -> bool:  # noqa: D102  (io's own)
        return True

    def readinto(self, target: WriteableBuffer) -> int:  # noqa: D102  (io's own)
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        space = memoryview(target)
        count = min(len(space), len(self._piece))
        space[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def _unzipped(self, stream: BinaryIO) -> Iterator[bytes]:
        """Whole lines as long as there are any; half a line before a tear might look like a whole one."""
        archive = gzip.GzipFile(fileobj=stream)
        rest = bytearray()
        while piece := self._until_torn(archive):
            cut = piece.rfind(b"\n") + 1
            rest += piece[:cut]
            if cut or len(rest) > BLOCK_BYTES:
                yield bytes(rest)
                rest.clear()
            rest += piece[cut:]
        if self.torn is None:
            yield bytes(rest)

    def _until_torn(self, archive: gzip.GzipFile) -> bytes:
        try:
            return archive.read1(UNZIPPED_BYTES)
        except TORN as error:
            self.torn = error
            return b""
