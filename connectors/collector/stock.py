"""Back in stock: "notify me" on a product page, and the script that puts the form there.

What a visitor asks for is one message about one product: no consent to anything else, and none is recorded.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.collector.calls import read_json
from connectors.collector.dependencies import Dependencies
from connectors.collector.forms import Visitors, landing_record, read_form
from connectors.collector.limits import Bodies, refusal
from connectors.collector.opt_in import read_address
from connectors.collector.pages import Pages
from connectors.feedback.model import event_id
from connectors.feedback.post import Form

SCRIPT = Path(__file__).with_name("notify_me.js")
MAX_BYTES = 4 << 10
LONGEST_ID = 128
FIELDS = ("product_id", "variant_id", "email")


def routes(deps: Dependencies) -> list[Route]:
    """`POST /v1/back-in-stock` (JSON, or a page's own form), `/notify_me.js`."""
    pages, visitors, bodies = Pages(), Visitors(), Bodies(MAX_BYTES)
    script = SCRIPT.read_text()

    async def notify(request: Request) -> Response:
        is_form = "form" in request.headers.get("content-type", "")
        if is_form:
            form = await read_form(request, deps)
        else:
            async with bodies.body(request) as body:
                given = read_json(body)
            form = Form({name: [str(given[name])] for name in FIELDS if given.get(name) is not None})
        visitors.take(request)
        await deps.journal.append([_event(deps, form, pages.language(request))])
        return (
            pages.notice(request, "notify_requested", 202)
            if is_form
            else JSONResponse({"success": True}, 202)
        )

    async def show_script(_request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(script, media_type="text/javascript", headers=headers)

    return [
        Route("/v1/back-in-stock", notify, methods=["POST"]),
        Route("/notify_me.js", show_script, methods=["GET"]),
    ]


def _event(deps: Dependencies, form: Form, locale: str) -> dict[str, object]:
    """The request; the same one on the same day is the same event."""
    product, variant = form.first("product_id") or "", form.first("variant_id") or None
    address = read_address(form)
    if not product or max(len(product), len(variant or "")) > LONGEST_ID:
        raise refusal(400, "product_id: missing or too long")
    if address is None:
        raise refusal(400, "email: not an address")
    now = deps.clock()
    identifier = event_id("back_in_stock", product, variant, address.lower(), now.date())
    properties = {
        "product_id": product,
        "variant_id": variant,
        "email": address,
        "channel": "email",
        "locale": locale,
    }
    return landing_record(deps, "Back In Stock Requested", identifier, properties, now)
