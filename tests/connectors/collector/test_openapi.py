"""The published document says what the collector answers to."""

import asyncio
import json

from starlette.routing import Route

from connectors.collector.openapi import OPENAPI_PATH, OPERATIONS, document


def test_the_published_document_is_the_code():
    assert json.loads(OPENAPI_PATH.read_text()) == document(), "run: python -m connectors.collector.openapi"


def test_every_route_is_described_and_nothing_else(collector):
    async def read():
        async with collector() as client:
            served = (await client.get("/openapi.json")).json()
            routes = client._transport.app.routes
            return served, {
                (route.path, method.lower())
                for route in routes
                if isinstance(route, Route)
                for method in route.methods - {"HEAD"}
            }

    served, routes = asyncio.run(read())
    assert routes == {(operation.path, operation.method) for operation in OPERATIONS}
    assert served == document()
