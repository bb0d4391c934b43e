"""Questions to Shopify's GraphQL Admin API, at the pace that its cost allows.

https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits: each query costs points from a bucket that
refills by the second; every answer tells how full it is. A throttled query is answered with 200 and an error.
Asking changes nothing at the vendor, so whatever was not answered is asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from connectors.errors import ConnectorError, StopSync, TryAgain
from connectors.http import HttpClient, Reply, judge

ATTEMPTS = 8
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
PASSING = frozenset({"THROTTLED", "INTERNAL_SERVER_ERROR", "TIMEOUT"})
TRANSIENT = frozenset({430})
"""Shopify's own status for a client that it takes for an attacker; it passes."""

Sleep = Callable[[float], Awaitable[None]]


class TooCostly(ConnectorError):  # noqa: N818  (named by what the caller does: asks for less)
    """One query costs more than the vendor allows for a single one."""


class AdminApi:
    """One shop's API.

    Args:
        http: with the access token among its headers.
        url: of the GraphQL endpoint, its version included.
        sleep: waits some seconds.
    """

    def __init__(self, http: HttpClient, url: str, sleep: Sleep = asyncio.sleep) -> None:
        self._http = http
        self._url = url
        self._sleep = sleep
        self._wait_seconds = 0.0

    async def ask(self, query: str, **variables: object) -> Mapping[str, Any]:
        """The `data` of the answer; waits as long as the bucket or a failure wants it.

        Raises:
            TooCostly: ask for less at a time.
            StopSync: token, scope, shop or query are wrong.
            TryAgain: no answer in `ATTEMPTS` attempts.
        """
        problem = ""
        for attempt in range(ATTEMPTS):
            await self._sleep_as_told()
            try:
                reply = await self._http.post(self._url, json={"query": query, "variables": variables})
                answer = self._understood(reply)
            except TryAgain as error:
                problem = str(error)
                wait = min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS)
                self._wait_seconds = max(self._wait_seconds, error.retry_after_seconds or wait)
            else:
                return answer
        raise TryAgain(f"Shopify did not answer in {ATTEMPTS} attempts, at last: {problem}")

    def _understood(self, reply: Reply) -> Mapping[str, Any]:
        verdict = judge(reply, "shopify", transient=TRANSIENT)
        if verdict is not None:
            raise TryAgain(verdict.reason) if verdict.outcome == "unknown" else StopSync(verdict.reason)
        body = reply.json()
        if not isinstance(body, dict):
            raise TryAgain("an answer that is no JSON object")
        self._wait_seconds = _until_affordable(body)
        codes = _codes(body.get("errors"))
        if "MAX_COST_EXCEEDED" in codes:
            raise TooCostly("the query costs too much")
        if codes & PASSING:
            raise TryAgain(f"graphql {'/'.join(sorted(codes & PASSING))}", self._wait_seconds or None)
        if codes:
            raise StopSync(
                f"Shopify refused the query ({'/'.join(sorted(codes))}): the app needs read_orders, "
                "read_customers and read_products"
            )
        if not isinstance(body.get("data"), dict):
            raise TryAgain("an answer without data")
        data: Mapping[str, Any] = body["data"]
        return data

    async def _sleep_as_told(self) -> None:
        seconds, self._wait_seconds = self._wait_seconds, 0.0
        if seconds > 0:
            await self._sleep(seconds)


def _codes(errors: object) -> set[str]:
    """What kinds of errors; their texts may quote what was asked."""
    if isinstance(errors, str):
        return {"ERROR"}
    found = errors if isinstance(errors, list) else []
    parts = [each.get("extensions") if isinstance(each, dict) else None for each in found]
    return {str(part.get("code", "ERROR")) if isinstance(part, dict) else "ERROR" for part in parts}


def _until_affordable(body: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds what the same query costs once more."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return min(max(missing / float(status["restoreRate"]), 0.0), LONGEST_WAIT_SECONDS)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.0
