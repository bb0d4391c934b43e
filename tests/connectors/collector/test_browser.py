"""In a real browser: unsubscribing, preferences, double opt-in, notify me. MILLRACE_SCREENSHOTS keeps the pictures."""

import os
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from connectors.collector.app import build_app
from connectors.collector.dependencies import Dependencies, Options
from connectors.collector.feedback_desk import FeedbackDesk
from connectors.collector.journal import Journal
from connectors.collector.keys import KeyRing
from connectors.collector.segments import SegmentFiles
from connectors.links import Links
from tests.connectors.collector.browser import CHROMIUM, running_browser, running_server
from tests.connectors.collector.visitor import marketing_link

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@pytest.fixture
def shop_page():
    """The address of a product page of some shop, which carries the script of the collector at `collector`."""
    servers = []

    def open_shop(collector):
        class ProductPage(BaseHTTPRequestHandler):
            def do_GET(self):
                place = '<div data-notify-me data-product-id="P-1" data-variant-id="V-2"></div>'
                script = f'<script src="{collector}/notify_me.js" defer></script>'
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(f"<!doctype html><title>Shop</title>{place}{script}".encode())

            def log_message(self, *_):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), ProductPage))
        Thread(target=servers[0].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[0].server_port}/"

    yield open_shop
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_person_can_do_it_all_in_a_browser(store, landing, landed, tmp_path, agree, sent, shop_page, now):
    agree("ann")
    agree("ann", channel="sms")
    sent("ann", attempted_at=now)
    shots = Path(os.environ.get("MILLRACE_SCREENSHOTS", tmp_path))
    app = build_app(
        Dependencies(
            options=Options(public_url="http://localhost"),
            journal=Journal(SegmentFiles(landing, tmp_path / "landing" / "collector", datetime.now)),
            keys=KeyRing(store, lambda: now),
            store=store,
            feedback=FeedbackDesk(store, landing, lambda: now),
            landing=landing,
            links=Links("secret", "http://localhost"),
            clock=lambda: now,
        )
    )
    with running_server(app) as collector, running_browser(tmp_path / "browser") as page:
        page.visit(collector + marketing_link("preferences"))
        page.screenshot(shots / "preferences.png")
        page.run("document.getElementById('sms:marketing').click()")
        page.click("button[name=save]", then="Your choice holds from now on")
        assert page.run("document.getElementById('sms:marketing').checked") is False
        assert page.run("document.getElementById('email:marketing').checked") is True
        page.screenshot(shots / "preferences_saved.png")

        page.visit(collector + marketing_link("unsubscribe"))
        page.screenshot(shots / "unsubscribe.png")
        page.click("button", then="You are unsubscribed")
        page.screenshot(shots / "unsubscribed.png")

        page.visit(f"{collector}/subscribe")
        page.type("input[type=email]", "ann@example.com")
        page.screenshot(shots / "subscribe.png")
        page.click("button", then="Check your mailbox")
        page.visit(collector + marketing_link("confirm"))
        page.screenshot(shots / "confirm.png")
        page.click("button", then="You are subscribed")

        page.visit(shop_page(collector))
        page.type("input[type=email]", "ann@example.com")
        page.click("button", then="We will let you know.")
        page.screenshot(shots / "notify_me.png")
        complaints = [text for text in page.complaints if "favicon" not in text and "404" not in text]
    assert complaints == []
    names = ("channel", "purpose")
    told = {(event["event"], *(event["properties"].get(name) for name in names)) for event in landed()}
    assert told == {
        ("Unsubscribed", "sms", "marketing"),
        ("Unsubscribed", "email", "marketing"),
        ("Subscription Requested", "email", "marketing"),
        ("Subscribed", "email", "marketing"),
        ("Back In Stock Requested", "email", None),
    }
