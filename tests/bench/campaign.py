"""What is sent in the bench of delivery: a mail of about 20 kB with 12 variables and a loop over products."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.content import Renderer, open_renderer
from connectors.content.template import CONTENT
from connectors.model import Message

NAME = "email/bench_cart"
MAIL_FROM = "Millrace Shop <hello@shop.example>"
SPEC = """
description: The mail of the bench.
subject: "{{ profile.first_name | default('Hello') }}, your cart is still there"
preheader: "{{ entry.items | length }} things for {{ entry.value | money(entry.currency) }}"
"""
BODY = """
<mjml lang="en">
  <mj-include path="head" />
  <mj-body>
    <mj-section><mj-column>
      <mj-text mj-class="title">Still thinking it over, {{ profile.first_name | default("friend") }} {{ profile.last_name | default("") }}?</mj-text>
      <mj-text>You are one of our {{ profile.tier }} customers: {{ profile.order_count }} orders, {{ profile.total_revenue | money }} in all,
        mostly {{ profile.favourite_category }}, the last one on {{ profile.last_ordered_at | date }}.
        Cart {{ entry.cart_id }} waits until {{ entry.expires_on | date }}; {{ entry.code }} takes a tenth off.</mj-text>
    </mj-column></mj-section>
    <mj-include path="items" />
    <mj-section><mj-column><mj-button href="{{ brand.url }}/cart">Back to my cart</mj-button></mj-column></mj-section>
    <mj-include path="footer" />
  </mj-body>
</mjml>
"""
PRODUCTS = [
    {"product_id": f"P{number}", "name": f"Lot {number} of the harvest", "price": 6.9 + number, "quantity": 1 + number % 3,
     "url": f"https://shop.example/p/P{number}", "image_url": f"https://shop.example/images/P{number}.jpg"}
    for number in range(40)
]  # fmt: skip


def open_bench_renderer(folder: Path) -> Renderer:
    """A renderer whose library is the shipped one and the bench's template."""
    content = folder / "content"
    shutil.copytree(
        CONTENT, content, ignore=shutil.ignore_patterns("*.py", "__pycache__"), dirs_exist_ok=True
    )
    template = content / "templates" / NAME
    template.mkdir(parents=True, exist_ok=True)
    (template / "template.yml").write_text(SPEC)
    (template / "template.mjml").write_text(BODY)
    return open_renderer("a secret of thirty-two characters", "https://shop.example", content)


def outbox_row(number: int, now: datetime) -> dict[str, Any]:
    """One row of `sends.outbox`, as the warehouse hands it over: JSON columns are text."""
    items = [PRODUCTS[(number + shift) % len(PRODUCTS)] for shift in range(3)]
    identity = profile_id(number)
    context = {
        "profile": {
            "profile_id": identity,
            "email": f"person-{number}@example.com",
            "first_name": f"Ann{number % 997}",
            "last_name": f"Berger{number % 991}",
            "locale": "en-GB",
            "country": None,
            "tier": ("gold", "silver", "bronze")[number % 3],
            "birthday": None,
            "favourite_category": "Coffee",
            "order_count": number % 50,
            "total_revenue": number % 1000 + 0.5,
            "last_ordered_at": f"2026-01-{1 + number % 28:02}T10:15:00",
        },
        "entry": {
            "cart_id": f"cart-{number}",
            "items": items,
            "value": round(sum(item["price"] for item in items), 2),
            "currency": "EUR",
            "expires_on": "2026-03-09",
            "code": f"TENTH-{number % 1000:03}",
        },
        "payload": {},
        "recommendations": None,
    }
    return {
        "message_id": identity,
        "kind": "flow",
        "flow": "flow_cart_recovery",
        "step": "reminder_1",
        "entry_id": identity,
        "profile_id": identity,
        "channel": "email",
        "address": f"person-{number}@example.com",
        "template": NAME,
        "variant": None,
        "message_class": "marketing",
        "priority": 80,
        "decided_at": now - timedelta(minutes=10),
        "due_at": now - timedelta(minutes=10),
        "expires_at": now + timedelta(days=2),
        "exit_signals": json.dumps(
            [
                {"signal": name, "counts_after": str(now - timedelta(hours=2)), "counts_until": None}
                for name in ("ordered", "cart_emptied")
            ]
        ),
        "identifiers": json.dumps(
            [
                {"type": "user_id", "value": f"u{number}"},
                {"type": "email", "value": f"person-{number}@example.com"},
            ]
        ),
        "context": json.dumps(context),
        "entered_at": now - timedelta(hours=1),
        "quiet_from": None,
    }


def outbox(count: int, now: datetime) -> Iterator[Message]:
    """The messages of the first `count` people, one at a time."""
    return (Message.from_row(outbox_row(number, now)) for number in range(count))


def consents(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The yes of the first `count` people."""
    for number in range(count):
        about = {"channel": "email", "purpose": "marketing", "status": "subscribed"}
        yield about | {"profile_id": profile_id(number), "since": now - timedelta(days=30)}


def suppressions(now: datetime, count: int = 10_000) -> Iterator[dict[str, Any]]:
    """Addresses that nobody may write to any more."""
    for number in range(count):
        about = {"channel": "email", "reason": "hard_bounced"}
        yield about | {"address": f"gone-{number}@example.com", "since": now - timedelta(days=30)}


def profile_id(number: int) -> str:
    """As opaque and as long as real ones."""
    return f"{number:08x}" * 4
