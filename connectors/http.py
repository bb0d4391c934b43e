"""The HTTP client of all vendors that speak HTTP, and the one table that turns its answers into outcomes.

What decides between "later" and "unknown" is whether a byte of the request may have left. The client knows
it from the connection, not from the exception's class, which differs between libraries and versions: until a
connection has been handed to the request (resolved, connected, TLS agreed, or taken from the pool) nothing
can have been written; from then on everything may have been. So:

- no connection (refused, DNS, TLS, no free slot in time): nothing left, `TryAgain`;
- a connection, but no complete answer (cut, reset, silence): a doubt, `Reply.status` is None;
- a kept connection that the server closed before it read our request looks the same from here as one that it
  closed after it had read it: a doubt. It is rare because idle connections are given up before vendors do,
  and one whose end has been seen is never taken from the pool.

The client repeats nothing, that is the ledger's to decide, and follows no redirect: a redirected POST would
arrive as something else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver

from connectors.errors import Indivisible, StopSync, TryAgain
from connectors.http_connection import Connector, tracing
from connectors.model import Receipt, SuppressionReason

CONNECT_SECONDS = 10.0
"""Longest wait for a connection; within it nothing has left, so a short one costs only a retry."""

KEPT_IDLE_SECONDS = 15.0
"""How long an idle connection is kept; load balancers of vendors close theirs after 60 s and more."""

LONGEST_WAIT_SECONDS = 24 * 3600.0
"""What a vendor asks for beyond this is taken as this; the ledger gives up on its own."""

BUSY = frozenset({425, 429, 503})
"""The vendor took nothing and says so: too early, too many, unavailable."""

REFUSED = frozenset({400, 413, 414, 422, 431})
"""The vendor took nothing because of what was in the request."""

IN_DOUBT = frozenset({408, 409})
"""Client errors that do not say whether the message was taken."""

RESET_HEADERS = ("x-ratelimit-reset", "ratelimit-reset", "x-rate-limit-reset")
"""Where a vendor without Retry-After says when its window begins again: in seconds, or since 1970."""

EPOCH = 1_000_000_000  # A reset above this is a moment, below it a duration.


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or the lack of one.

    Attributes:
        status: the HTTP status; None when bytes may have left and no complete answer came.
        headers: with names in lower case.
        fault: without an answer, the class of the error that ended the wait.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx; what was taken is then for the vendor's file to read."""
        return (self.status or 0) // 100 == 2  # noqa: PLR2004

    def json(self) -> Any:  # noqa: ANN401  (any JSON)
        """The body parsed, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def retry_after_seconds(self, now: datetime | None = None) -> float | None:
        """The wait that the vendor asks for, in seconds from its own clock; None when it names none.

        Args:
            now: naive UTC, for vendors that send no `Date`; without it, the clock of this machine.
        """
        moment = _date(self.headers.get("date", "")) or now or datetime.now(UTC).replace(tzinfo=None)
        asked = self.headers.get("retry-after", "").strip()
        if until := _date(asked):
            return _bounded((until - moment).total_seconds())
        if (seconds := _number(asked)) is not None:
            return _bounded(seconds)
        for name in RESET_HEADERS:
            if (reset := _number(self.headers.get(name, ""))) is not None:
                since_epoch = (moment - datetime(1970, 1, 1)).total_seconds()
                return _bounded(reset - since_epoch if reset > EPOCH else reset)
        return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer other than success means for the messages of the call."""

    outcome: Literal["rejected", "unknown"]
    reason: str

    def receipt(self, message_id: str, provider: str, suppress: SuppressionReason | None = None) -> Receipt:
        """The receipt of one of the messages."""
        return Receipt(message_id, self.outcome, provider, reason=self.reason, suppress=suppress)


def judge(
    reply: Reply, provider: str, *, messages: int = 1, transient: frozenset[int] = frozenset()
) -> Verdict | None:
    """What an answer means, the same for every vendor; None for success, which the vendor's file reads.

    A vendor that says more in its body (a code for a dead address) looks there first.

    Args:
        reply: what `HttpClient` brought back.
        provider: named in errors; a person reads it.
        messages: how many the call carried.
        transient: statuses that this vendor uses for "not now", such as a 403 for a rate.

    Raises:
        TryAgain: the vendor took nothing and may later.
        StopSync: credentials, account or address of the vendor are wrong: every message would fail.
        Indivisible: one of several messages is at fault, and the vendor does not say which.
    """
    if reply.is_success:
        return None
    status = reply.status
    if status is None:
        return Verdict("unknown", f"no_answer: {reply.fault}")
    if status in BUSY or status in transient:
        raise TryAgain(f"http {status}", reply.retry_after_seconds())
    if status in REFUSED:
        if messages > 1:
            raise Indivisible(f"http {status}")
        return Verdict("rejected", f"http {status}")
    if status in IN_DOUBT or not 300 <= status < 500:  # noqa: PLR2004
        return Verdict("unknown", f"http {status}")
    raise StopSync(
        f"{provider} answered http {status}: check its credentials (MILLRACE_{provider.upper()}_…), "
        "its address and the state of the account"
    )


class HttpClient:
    """A pool of kept connections to one vendor. Once closed, it may be used in another event loop.

    Args:
        headers: sent with every request (credentials); never logged.
        connections: how many at once; a call beyond waits for a free one.
        timeout_seconds: for the whole call, waiting for a connection included.
        resolver: makes what turns names into addresses, where not every address will do.
    """

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        connections: int = 100,
        timeout_seconds: float = 30.0,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self._headers = {"User-Agent": "millrace"} | dict(headers or {})
        self._connections = connections
        self._resolver = resolver
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(CONNECT_SECONDS, timeout_seconds)
        )
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        *,
        json: Any = None,  # noqa: ANN401  (any JSON)
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Post JSON, bytes or a form, once.

        Raises:
            TryAgain: no connection came about, or too late; not a byte of the request has left.
        """
        if json is not None:
            content, headers = _encoded(json), {"Content-Type": "application/json", **(headers or {})}
        return await self._call("POST", url, content if form is None else dict(form), headers)

    async def ask(self, url: str, params: Mapping[str, str], provider: str) -> Any:  # noqa: ANN401
        """Read something from a vendor's log: parsed JSON.

        Raises:
            TryAgain: no answer, or none that can be read; nothing follows from it.
            StopSync: as in `judge`.
        """
        reply = await self._call("GET", url, None, None, params)
        if verdict := judge(reply, provider):
            raise TryAgain(f"{provider} could not be asked: {verdict.reason}")
        if (answer := reply.json()) is None:
            raise TryAgain(f"{provider} could not be asked: unreadable_answer")
        return answer

    async def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(
        self,
        method: str,
        url: str,
        data: bytes | dict[str, str] | None,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        progress = SimpleNamespace(is_connected=False)
        try:
            async with self._open().request(
                method,
                url,
                data=data,
                headers=headers,
                params=params,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                body = await response.read()
                names = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, names, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The error's text names the host, for a web push even the token: only its class goes on.
            fault = type(error).__name__
        if progress.is_connected:
            return Reply(None, fault=fault)
        raise TryAgain(f"not_connected: {fault}")

    def _open(self) -> aiohttp.ClientSession:
        """The session of this event loop: made when first needed, for it cannot be made outside of one."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connector(
                    limit=self._connections,
                    keepalive_timeout=KEPT_IDLE_SECONDS,
                    ttl_dns_cache=300,
                    resolver=self._resolver() if self._resolver else None,
                ),
                timeout=self._timeout,
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[tracing()],
            )
        return self._session


def logged(answer: Any, name: str, provider: str) -> list[dict[str, Any]]:  # noqa: ANN401  (any JSON)
    """The list of objects under a name in the answer of a vendor's log; `TryAgain` when there is none."""
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise TryAgain(f"{provider} could not be asked: unreadable_answer")
    return found


def _encoded(value: Any) -> bytes:  # noqa: ANN401  (any JSON)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> datetime | None:
    """An HTTP-date as naive UTC."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
