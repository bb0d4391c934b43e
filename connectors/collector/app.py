"""The collector as one ASGI app: every route module exports `routes(deps)`, one line each here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.collector import (
    apps,
    devices,
    links,
    opt_in,
    preferences,
    stock,
    tracking,
    unsubscribe,
    webhooks,
)
from connectors.collector.dependencies import Dependencies
from connectors.collector.journal import Busy, StorageFailed
from connectors.collector.openapi import document

MODULES = (tracking, webhooks, links, unsubscribe, preferences, opt_in, devices, stock, apps)
DAY_SECONDS = 24 * 3600
BUSY_SECONDS = 1
STORAGE_SECONDS = 10
"""When to come back: to a full queue, to a full disk."""


def build_app(deps: Dependencies) -> Starlette:
    """The app; starting it starts the journal, stopping it completes the open segment."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await deps.journal.start()
        try:
            yield
        finally:
            await deps.feedback.close()
            await deps.journal.close()

    api = document()

    async def describe(_request: Request) -> Response:
        return JSONResponse(api)

    routes: list[BaseRoute] = [Route("/health", _health), Route("/openapi.json", describe)]
    routes += [route for module in MODULES for route in module.routes(deps)]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=deps.options.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        max_age=DAY_SECONDS,
    )
    handlers = {HTTPException: _refused, Busy: _come_back, StorageFailed: _come_back}
    app = Starlette(routes=routes, middleware=[cors], lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False  # it would redirect to whatever host the request names
    return app


async def _health(_request: Request) -> Response:
    """Whether the process answers; a load balancer asks."""
    return JSONResponse({"status": "ok"})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = {"success": False, "error": error.detail}
    return JSONResponse(answer, error.status_code, headers=error.headers)


async def _come_back(_request: Request, error: Exception) -> Response:
    """Nothing was kept; the sender may send the same again."""
    seconds = STORAGE_SECONDS if isinstance(error, StorageFailed) else BUSY_SECONDS
    answer = {"success": False, "error": "nothing was kept: try again"}
    return JSONResponse(answer, 503, headers={"Retry-After": str(seconds)})
