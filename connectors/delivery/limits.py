"""How fast a provider is asked: a token bucket that learns from what the provider answers.

Additive increase, multiplicative decrease, as TCP does (RFC 5681): a "too many" halves the rate and pauses
this provider for as long as it asked; every second of success gives a twentieth of the ceiling back.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from connectors.delivery.sender import Rate

SHRINK = 0.5
RECOVERY = 0.05
"""Share of the ceiling that a second of success gives back."""
SLOWEST = 0.01
"""Share of the ceiling below which the rate does not fall: one answer must be able to arrive."""
DEFAULT_PAUSE_SECONDS = 1.0
LEAST_CEILING = 10.0
"""Messages per second; a few messages that met a busy moment say little about what a provider takes."""
WINDOW_SECONDS = 1.0
"""Over which the rate is measured at which a provider without a published limit said "too many"."""


class Limiter:
    """The pace of one provider on one channel.

    Args:
        rate: what the provider publishes; without a number it is asked as fast as it answers, until it
            objects.
        clock: seconds, monotonic.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        rate: Rate,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.declared = rate.per_second
        self.per_second = rate.per_second
        self._clock = clock
        self._sleep = sleep
        self._ceiling = rate.per_second
        self._tokens = self._burst
        self._filled_at = self._raised_at = clock()
        self._paused_until = 0.0
        self._turn = asyncio.Lock()
        self._window_began, self._window_count, self._measured = clock(), 0, 0.0

    @property
    def paused_seconds(self) -> float:
        """How much longer the provider wants to be left alone."""
        return max(self._paused_until - self._clock(), 0.0)

    async def acquire(self, messages: int, patience_seconds: float = math.inf) -> bool:
        """Wait until so many messages may leave; callers are served in their order.

        A call larger than the bucket goes when the bucket is full, and the next one waits for the rest.

        Returns:
            false when the provider wants to be left alone for longer than our patience.
        """
        async with self._turn:
            while wait := self._wait(messages):
                if self.paused_seconds > patience_seconds:
                    return False
                await self._sleep(wait)
            self._tokens -= messages if self.per_second else 0
            self._measure(messages)
            return True

    def throttled(self, retry_after_seconds: float | None) -> None:
        """The provider said "too many"; several answers to calls of the same moment shrink the rate once."""
        now = self._clock()
        pause = DEFAULT_PAUSE_SECONDS if retry_after_seconds is None else retry_after_seconds
        is_news = now >= self._paused_until
        self._paused_until = max(self._paused_until, now + pause)
        if not is_news:
            return
        self._fill(now)
        if self.per_second is None:
            self.per_second = self._ceiling = max(self._measured, self._window_count, LEAST_CEILING)
        assert self._ceiling is not None
        self.per_second = max(self.per_second * SHRINK, self._ceiling * SLOWEST)
        self._tokens = min(self._tokens, 0.0)
        self._raised_at = max(now, self._paused_until)

    def succeeded(self) -> None:
        """The provider took messages: what was shrunk comes back, up to the ceiling, a second at a time."""
        if self.per_second is None or self._ceiling is None or self.per_second >= self._ceiling:
            return
        now = self._clock()
        seconds = now - self._raised_at
        if seconds <= 0:
            return
        self._fill(now)
        self._raised_at = now
        self.per_second = min(self.per_second + RECOVERY * self._ceiling * min(seconds, 1.0), self._ceiling)
        if self.declared is None and self.per_second >= self._ceiling:
            self.per_second = self._ceiling = None

    def resume(self, per_second: float | None, paused_seconds: float) -> None:
        """Go on where the run before stopped: its learnt rate, and the rest of its pause."""
        self._paused_until = self._clock() + max(paused_seconds, 0.0)
        if per_second is None:
            return
        if self._ceiling is None:
            self._ceiling = per_second / SHRINK
        self.per_second = min(per_second, self._ceiling)

    @property
    def _burst(self) -> float:
        """A second's worth, and at least one message."""
        return max(self.per_second or 1.0, 1.0)

    def _wait(self, messages: int) -> float:
        """Seconds until the call may go; 0 when it may."""
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        self._fill(now)
        missing = min(messages, self._burst) - self._tokens
        return missing / self.per_second if self.per_second and missing > _EPSILON else 0.0

    def _fill(self, now: float) -> None:
        if self.per_second:
            self._tokens = min(self._tokens + (now - self._filled_at) * self.per_second, self._burst)
        self._filled_at = now

    def _measure(self, messages: int) -> None:
        now = self._clock()
        if now - self._window_began >= WINDOW_SECONDS:
            self._measured = self._window_count / (now - self._window_began)
            self._window_began, self._window_count = now, 0
        self._window_count += messages


_EPSILON = 1e-9
"""Rounding of seconds must not make a call wait for nothing."""
