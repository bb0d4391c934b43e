"""The Segment HTTP tracking API: `/v1/track` and its kin."""

from __future__ import annotations

from starlette.routing import Route

from connectors.collector.dependencies import Dependencies


def routes(deps: Dependencies) -> list[Route]:  # noqa: ARG001  (follows)
    """The routes of the tracking API."""
    return []
