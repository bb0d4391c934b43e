"""Shopify's Admin API as nasty as it is: a bucket of points, throttled answers with status 200, cut connections."""

import json
from collections import Counter

from aiohttp import web

COST = {"orders": 30, "customers": 3, "products": 3}
MOST_FOR_ONE_QUERY = 1000
BUCKET, PER_SECOND = 1000.0, 100.0


def money(amount):
    return {"shopMoney": {"amount": amount, "currencyCode": "EUR"}}


def order(number, lines=1):
    at = f"2026-02-01T10:{number // 60:02}:{number % 60:02}Z"
    return {
        "id": f"gid://shopify/Order/{number}",
        "legacyResourceId": str(number),
        "createdAt": at,
        "updatedAt": at,
        "cancelledAt": None,
        "currencyCode": "EUR",
        "email": "ann@example.com",
        "phone": None,
        "displayFulfillmentStatus": "UNFULFILLED",
        "totalPriceSet": money("30.0"),
        "totalDiscountsSet": money("0.0"),
        "customer": None,
        "fulfillments": [],
        "refunds": [],
        "lineItems": [line(each) for each in range(lines)],
    }


def line(number):
    return {
        "title": f"Tea {number}",
        "quantity": 1,
        "originalUnitPriceSet": money("30.0"),
        "product": {"legacyResourceId": str(100 + number)},
        "variant": None,
    }


class Shop:
    """Answers the queries of `connectors.pull.shopify`; `faults` are served before the answers, in turn."""

    def __init__(self, **nodes):
        self.nodes = {"orders": [], "customers": [], "products": [], **nodes}
        self.faults = []
        self.points = BUCKET
        self.asked = []
        self.answers = Counter()
        self.slept = 0.0

    async def sleep(self, seconds):
        """Time passes for the bucket alone."""
        self.slept += seconds
        self.points = min(BUCKET, self.points + seconds * PER_SECOND)

    async def answer(self, request):
        given = await request.json()
        self.asked.append(given["variables"])
        if self.faults and (fault := self.faults.pop(0)):
            return await fault(request)
        if request.headers.get("X-Shopify-Access-Token") != "shpat_right":
            return web.json_response({"errors": "[API] Invalid API key or access token"}, status=401)
        variables = given["variables"]
        if "order(id" in given["query"]:
            return self._told(1, {"order": self._lines_of(variables)})
        name = next(name for name in self.nodes if f"page: {name}(" in given["query"])
        cost = COST[name] * variables["first"]
        if cost > MOST_FOR_ONE_QUERY:
            error = {"message": "Query cost is …", "extensions": {"code": "MAX_COST_EXCEEDED"}}
            return web.json_response({"errors": [error]})
        return self._told(cost, {"page": self._page(name, variables)})

    def _told(self, cost, data):
        status = {"maximumAvailable": BUCKET, "restoreRate": PER_SECOND}
        if cost > self.points:
            self.answers["throttled"] += 1
            left = {
                "requestedQueryCost": cost,
                "throttleStatus": status | {"currentlyAvailable": self.points},
            }
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return web.json_response({"errors": [error], "extensions": {"cost": left}})
        self.points -= cost
        self.answers["answered"] += 1
        left = {"requestedQueryCost": cost, "throttleStatus": status | {"currentlyAvailable": self.points}}
        return web.json_response({"data": data, "extensions": {"cost": left}})

    def _page(self, name, variables):
        since = (variables.get("filter") or "").removeprefix("updated_at:>=").strip("'")
        found = [node for node in self.nodes[name] if node["updatedAt"] >= since]
        nodes, info = _cut(found, variables.get("after"), variables["first"])
        return {"nodes": [self._cut_lines(node) for node in nodes], "pageInfo": info}

    def _cut_lines(self, node):
        if "lineItems" not in node:
            return node
        lines, info = _cut(node["lineItems"], None, 25)
        return node | {"lineItems": {"nodes": lines, "pageInfo": info}}

    def _lines_of(self, variables):
        node = next(node for node in self.nodes["orders"] if node["id"] == variables["id"])
        lines, info = _cut(node["lineItems"], variables["lines"], 25)
        return {"lineItems": {"nodes": lines, "pageInfo": info}}


def _cut(things, after, first):
    start = int(after or 0)
    end = start + first
    return things[start:end], {"hasNextPage": end < len(things), "endCursor": str(end)}


async def bad_gateway(_request):
    return web.Response(status=502, text="<html>Bad gateway</html>")


async def too_many(_request):
    return web.Response(status=429, headers={"Retry-After": "7"})


async def half_an_answer(request):
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"data": {"page"')
    request.transport.close()
    return response


async def no_json(_request):
    return web.Response(text="<html>Be right back</html>")


async def broken_inside(_request):
    return web.Response(text=json.dumps({"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}))


async def no_scope(_request):
    return web.Response(text=json.dumps({"errors": [{"extensions": {"code": "ACCESS_DENIED"}}]}))
