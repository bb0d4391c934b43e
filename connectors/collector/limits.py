"""What strangers may cost: size and pace of their requests, and how they are told."""

from __future__ import annotations

import asyncio
import math
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

BURST_SECONDS = 10.0
BODY_SECONDS = 30.0
MAX_BYTES_IN_FLIGHT = 64 << 20
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def refusal(status: int, reason: str, retry_after_seconds: float | None = None) -> HTTPException:
    """An answer that is no success; `reason` never quotes what was sent."""
    headers = {} if retry_after_seconds is None else {"Retry-After": str(math.ceil(retry_after_seconds))}
    if status == 401:  # noqa: PLR2004  (Unauthorized)
        headers["WWW-Authenticate"] = 'Basic realm="write key"'
    return HTTPException(status, reason, headers)


class Bodies:
    """Reads request bodies, plain or compressed, holding no more than a bounded number of bytes at a time."""

    def __init__(self, max_body_bytes: int, max_bytes_in_flight: int = MAX_BYTES_IN_FLIGHT) -> None:
        self._max_body_bytes = max_body_bytes
        self._free_bytes = max_bytes_in_flight

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The unpacked body for the length of a block.

        Raises:
            HTTPException: 400 cut off or not what its encoding says, 408 too slow, 413 too large, 415 an
                encoding that is not read here, 503 too many at a time.
        """
        declared = request.headers.get("content-length", "")
        size = int(declared) if declared.isdecimal() else self._max_body_bytes
        if size > self._max_body_bytes:
            raise refusal(413, f"a body may have {self._max_body_bytes} bytes")
        # What is unpacked may be as large as a body may be.
        held = self._max_body_bytes if "content-encoding" in request.headers else size
        if held > self._free_bytes:
            raise refusal(503, "too many requests at a time", 1)
        self._free_bytes -= held
        try:
            yield self._unpacked(await self._read(request), request.headers.get("content-encoding", ""))
        finally:
            self._free_bytes += held

    async def _read(self, request: Request) -> bytes:
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    if size > self._max_body_bytes:
                        raise refusal(413, f"a body may have {self._max_body_bytes} bytes")
                    parts.append(part)
        except TimeoutError:
            raise refusal(408, f"the body took longer than {BODY_SECONDS:.0f} seconds") from None
        except ClientDisconnect:
            raise refusal(400, "the body was cut off") from None
        return b"".join(parts)

    def _unpacked(self, packed: bytes, encoding: str) -> bytes:
        match encoding.strip().lower():
            case "" | "identity":
                return packed
            case "gzip" | "x-gzip" | "deflate":
                unpacking = zlib.decompressobj(GZIP_OR_ZLIB)
            case _:
                raise refusal(415, "a body may be compressed with gzip or deflate")
        try:
            body = unpacking.decompress(packed, self._max_body_bytes + 1)
        except zlib.error:
            raise refusal(400, "the body is not what its Content-Encoding says") from None
        if len(body) > self._max_body_bytes:
            raise refusal(413, f"an unpacked body may have {self._max_body_bytes} bytes")
        if not unpacking.eof:
            raise refusal(400, "the compressed body is cut off")
        return body


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Pace:
    """How many things per second each key may do; ten seconds' worth may come at once.

    Args:
        per_second: of one key, in this process.
        seconds: a clock that only goes forward.
    """

    def __init__(self, per_second: float, seconds: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = per_second * BURST_SECONDS
        self._seconds = seconds
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str, count: int) -> None:
        """Take `count` from the key's bucket; a full bucket lets any count pass, and owes the rest.

        Raises:
            HTTPException: 429 with the seconds until there is enough.
        """
        now = self._seconds()
        bucket = self._buckets.setdefault(key, _Bucket(self._most, now))
        bucket.tokens = min(self._most, bucket.tokens + (now - bucket.filled_at) * self._per_second)
        bucket.filled_at = now
        missing = min(count, self._most) - bucket.tokens
        if missing > 0:
            raise refusal(429, "this key sends too fast", missing / self._per_second)
        bucket.tokens -= count
