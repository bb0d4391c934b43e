"""The collector's API as an OpenAPI document, published by `python -m connectors.collector.openapi`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from connectors.collector.apps import ANDROID, APPLE
from connectors.collector.devices import Device
from connectors.collector.sources import SOURCES
from connectors.collector.tracking import PATHS
from connectors.feedback.providers import PROVIDERS

OPENAPI_PATH = Path(__file__).with_name("openapi.json")

JSON, HTML, TEXT = "application/json", "text/html", "text/plain"
FORM = "application/x-www-form-urlencoded"

REASONS = {
    200: "Done.",
    202: "Taken.",
    204: "Taken; there is nothing to show.",
    302: "To where the signed link says.",
    400: "The request cannot be read, or the one event in it is refused.",
    401: "The write key or the signature is unknown, wrong or too old.",
    404: "Not here.",
    408: "The body came too slowly.",
    410: "The link has expired.",
    413: "The body is too large.",
    415: "The body is compressed in a way that is not read here.",
    429: "Too fast; `Retry-After` says when to come back.",
    503: "Nothing was kept: too much waits, or the disk is full; `Retry-After` says when to come back.",
}
BODY_REFUSALS = (400, 408, 413, 415, 429, 503)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        path: with its parameters in braces.
        method: in lower case.
        summary: one sentence.
        answers: status codes, the good one first.
        media: types of the good answer.
        takes: media types of the body, each with the name of its schema; none without a body.
        auth: how the caller shows who it is; links are signed themselves.
    """

    path: str
    method: Literal["get", "post"]
    summary: str
    answers: tuple[int, ...]
    media: tuple[str, ...] = (JSON,)
    takes: tuple[tuple[str, str], ...] = ()
    auth: tuple[str, ...] = ()


EVENT, BATCH = ((JSON, "Event"),), ((JSON, "Batch"),)
SENDERS = ", ".join((*SOURCES, *(name for name in PROVIDERS if name != "bounces")))
PAGE = (200, 404, 503)
PAGE_FORM = (200, 404, *BODY_REFUSALS)

OPERATIONS = (
    Operation("/health", "get", "Whether the process answers.", (200,)),
    Operation("/openapi.json", "get", "This document.", (200,)),
    *(
        Operation(
            path,
            "post",
            f"Segment's `{call}`.",
            (200, 401, *BODY_REFUSALS),
            takes=BATCH if call == "batch" else EVENT,
            auth=("writeKey",),
        )
        for path, call in PATHS.items()
    ),
    Operation(
        "/webhooks/{sender}",
        "post",
        f"A post signed by its sender: {SENDERS}.",
        (200, 401, 404, *BODY_REFUSALS),
        media=(JSON, "text/xml"),
        takes=((JSON, "Anything"), (FORM, "Anything")),
    ),
    Operation(
        "/webhooks/{sender}",
        "get",
        "Meta's question whether the address is ours.",
        (200, 400, 404),
        media=(TEXT,),
    ),
    Operation("/o/{token}", "get", "The open pixel of a message.", (200, 404), media=("image/gif",)),
    Operation("/c/{token}", "get", "A click: on to the signed target.", (302, 404), media=()),
    Operation("/t/{token}", "get", "A link that only machines follow.", (204, 404), media=()),
    Operation("/v/{token}", "get", "View a message in the browser.", PAGE, media=(HTML,)),
    Operation("/u/{token}", "get", "Ask whether to unsubscribe; changes nothing.", PAGE, media=(HTML,)),
    Operation(
        "/u/{token}",
        "post",
        "Unsubscribe, by the page's button or in one click (RFC 8058).",
        PAGE_FORM,
        media=(HTML, TEXT),
        takes=((FORM, "Anything"),),
    ),
    Operation("/p/{token}", "get", "The preference centre.", PAGE, media=(HTML,)),
    Operation(
        "/p/{token}", "post", "Save preferences.", PAGE_FORM, media=(HTML,), takes=((FORM, "Anything"),)
    ),
    Operation("/subscribe", "get", "The subscription form.", (200, 503), media=(HTML,)),
    Operation(
        "/subscribe",
        "post",
        "Ask for a confirmation mail (double opt-in).",
        (202, *BODY_REFUSALS),
        media=(HTML, JSON),
        takes=((FORM, "Address"),),
    ),
    Operation(
        "/s/{token}", "get", "Ask for the yes of a double opt-in.", (200, 404, 410, 503), media=(HTML,)
    ),
    Operation(
        "/s/{token}",
        "post",
        "Confirm a double opt-in.",
        (200, 404, 410, *BODY_REFUSALS),
        media=(HTML,),
        takes=((FORM, "Anything"),),
    ),
    *(
        Operation(
            path,
            "post",
            summary,
            (200, 401, *BODY_REFUSALS),
            takes=((JSON, "Device"),),
            auth=("writeKey", "deviceLink"),
        )
        for path, summary in {
            "/v1/devices": "Register or refresh a push token.",
            "/v1/devices/revoke": "Revoke a push token.",
        }.items()
    ),
    Operation(
        "/v1/back-in-stock",
        "post",
        "Ask for one message when a product is back in stock.",
        (202, *BODY_REFUSALS),
        media=(JSON, HTML),
        takes=((JSON, "Wish"), (FORM, "Wish")),
    ),
    Operation("/notify_me.js", "get", "The script of a product page.", (200,), media=("text/javascript",)),
    Operation(APPLE, "get", "Which apps of iOS may open click links.", (200, 404)),
    Operation(ANDROID, "get", "Which apps of Android may open click links.", (200, 404)),
)

TEXTS = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
OPEN = {"type": "object", "additionalProperties": True}
SCHEMAS: Mapping[str, Any] = {
    "Anything": OPEN,
    "Address": {**OPEN, "properties": {"email": TEXTS}, "required": ["email"]},
    "Wish": {
        **OPEN,
        "properties": {"product_id": TEXTS, "variant_id": TEXTS, "email": TEXTS},
        "required": ["product_id", "email"],
    },
    "Event": {
        **OPEN,
        "description": "A Segment call; `events/schema.json` says what known events must carry.",
        "properties": {
            "writeKey": {
                "type": "string",
                "description": "Instead of basic auth, where no header can be set.",
            },
            **dict.fromkeys(("messageId", "userId", "anonymousId", "event"), TEXTS),
            **dict.fromkeys(("timestamp", "sentAt"), MOMENT),
            **dict.fromkeys(("properties", "traits", "context"), OPEN),
        },
    },
    "Batch": {
        **OPEN,
        "properties": {
            "batch": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
            "context": OPEN,
            "sentAt": MOMENT,
        },
        "required": ["batch"],
    },
    "Device": Device.model_json_schema(by_alias=True),
    "Refusal": {
        "type": "object",
        "properties": {"success": {"const": False}, "error": TEXTS},
        "required": ["success", "error"],
    },
}
AUTH: Mapping[str, Any] = {
    "writeKey": {"type": "http", "scheme": "basic", "description": "The write key as user, no password."},
    "deviceLink": {"type": "http", "scheme": "bearer", "description": "A person's signed device link."},
}


def document() -> dict[str, Any]:
    """The whole document; its only source is `OPERATIONS`."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace collector",
            "version": "1",
            "description": "Events, webhooks, links in messages, and what people say about being written to.",
        },
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS), "securitySchemes": dict(AUTH)},
    }


def publish() -> None:
    """Write the document beside this module."""
    OPENAPI_PATH.write_text(json.dumps(document(), indent=2) + "\n")


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {str(status): _answer(operation, status) for status in operation.answers},
    }
    name = operation.path.partition("{")[2].partition("}")[0]
    if name:
        described["parameters"] = [{"name": name, "in": "path", "required": True, "schema": TEXTS}]
    if operation.takes:
        content = {media: {"schema": _reference(schema)} for media, schema in operation.takes}
        described["requestBody"] = {"required": True, "content": content}
    if operation.auth:
        described["security"] = [{scheme: []} for scheme in operation.auth]
    return described


def _answer(operation: Operation, status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": REASONS[status]}
    if status == operation.answers[0]:
        media: dict[str, Any] = {each: {} for each in operation.media}
    else:  # what a person has opened is refused as a page
        is_page = HTML in operation.media or "{token}" in operation.path
        media = {JSON: {"schema": _reference("Refusal")}, **({HTML: {}} if is_page else {})}
    return {**answer, "content": media} if media else answer


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


if __name__ == "__main__":
    publish()
