"""Messages and contents of pushes."""

from datetime import timedelta

import pytest

from connectors.model import Action, Content, Envelope

RICH = Content(
    text="Yirgacheffe is still in it, Ann. ☕",
    subject="Your cart is waiting",
    url="https://shop.example/c/1",
    image="https://shop.example/images/P103.jpg",
    actions=(Action("checkout", "Check out", "https://shop.example/c/2"), Action("later", "Not now")),
)


@pytest.fixture
def envelope(message, now):
    """`envelope("token")`: a push to this device, that expires in an hour."""

    def build(token="token", content=RICH, **changes):
        given = {"channel": "push", "address": token, "template": "push/cart_reminder"}
        given |= {"expires_at": now + timedelta(hours=1)} | changes
        return Envelope(message(**given), content, now)

    return build
