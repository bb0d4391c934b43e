"""How a vendor makes sure, before it reports, that an address is ours.

SNS posts a signed address that must be visited; Meta asks a question that must be echoed. The others ask
nothing: Mailgun, Postmark, SendGrid, Twilio, Shopify, Segment and Stripe sign every post instead.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
)

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from connectors.collector.limits import refusal
from connectors.feedback.model import Post
from connectors.feedback.sns import TIMEOUT_SECONDS, subscription_to_confirm

RETRY_SECONDS = 30
CHALLENGE = re.compile(r"[\w.-]{1,256}", re.ASCII)
"""Meta's is a number; nothing that could be more than a word is echoed."""


def confirm_subscription(post: Post) -> bool:
    """Visit the address in a verified post of SNS, if it is a request to confirm; it says whether it was one.

    Raises:
        HTTPException: 503, Amazon could not be reached or refused; SNS posts it again.
    """
    url = subscription_to_confirm(post)
    if url is None:
        return False
    try:
        with _opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            answer.read(1)
    except OSError:
        raise refusal(503, "the subscription cannot be confirmed now", RETRY_SECONDS) from None
    return True


def answer_challenge(request: Request, secrets: Mapping[str, str]) -> Response:
    """Meta's question, asked with our verify token, gets its own challenge as the answer.

    https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests

    Raises:
        HTTPException: 404 without our token, 400 when there is nothing to echo.
    """
    token = secrets.get(f"{request.path_params['sender'].upper()}_VERIFY_TOKEN")
    given = request.query_params.get("hub.verify_token", "")
    if not token or not hmac.compare_digest(token.encode(), given.encode(errors="replace")):
        raise refusal(404, "no such webhook, or its verify token is not set")
    challenge = request.query_params.get("hub.challenge", "")
    if request.query_params.get("hub.mode") != "subscribe" or not CHALLENGE.fullmatch(challenge):
        raise refusal(400, "hub.mode must be subscribe, hub.challenge a word")
    return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})


def _new_opener() -> OpenerDirector:
    """Without redirects: what is signed is the one address, and nobody sends us on from there."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPSHandler(), HTTPErrorProcessor(), HTTPDefaultErrorHandler()):
        opener.add_handler(handler)
    return opener


_opener = _new_opener()
