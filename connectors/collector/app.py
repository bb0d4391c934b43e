"""The collector as one ASGI app: every route module exports `routes(deps)`, one line each here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from connectors.collector import tracking
from connectors.collector.dependencies import Dependencies

MODULES = (tracking,)
DAY_SECONDS = 24 * 3600


def build_app(deps: Dependencies) -> Starlette:
    """The app; starting it starts the journal, stopping it completes the open segment."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await deps.journal.start()
        try:
            yield
        finally:
            await deps.journal.close()

    routes: list[BaseRoute] = [route for module in MODULES for route in module.routes(deps)]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=deps.options.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        max_age=DAY_SECONDS,
    )
    return Starlette(routes=routes, middleware=[cors], lifespan=lifespan)
