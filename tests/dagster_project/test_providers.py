"""Providers of an installation: real ticks with a mail server that fails, alerts, replay, the fence, a dry run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from connectors.delivery import breakers
from connectors.delivery.fence import FenceError
from connectors.delivery.preview import Share
from connectors.providers import ProvidersError
from dagster_project import delivery, providers
from dagster_project.settings import Settings
from dagster_project.tick import tick
from dagster_project.warehouse import open_warehouse
from tests.connectors.conftest import running_mail_server
from tests.dagster_project.conftest import NOON, event

LATER = NOON + timedelta(hours=1)
HOUR = timedelta(hours=1)


def order(number: int, person: str, hour: str) -> dict[str, object]:
    tea = {"product_id": "sencha", "name": "Sencha", "category": "Tea", "price": 14.0, "quantity": 1}
    return event(
        number, person, "Order Completed", hour, order_id=f"o{number}", currency="EUR", products=[tea]
    )


@pytest.fixture(scope="module")
def ordered(small_shop: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Ann and Bob have ordered; their confirmations are due and not sent."""
    home = shutil.copytree(small_shop.home, tmp_path_factory.mktemp("ordered") / "home")
    settings = Settings.under(home)
    settings.open_landing().write("orders.ndjson", [order(91, "ann", "12:10"), order(92, "bob", "12:11")])
    tick(settings, LATER, deliver=False)
    return settings


@pytest.fixture
def shop(ordered: Settings, tmp_path: Path) -> Settings:
    """A copy that may be changed."""
    return Settings.under(shutil.copytree(ordered.home, tmp_path / "home"))


def send(settings: Settings, at: datetime = LATER):
    """The part of a tick that sends."""
    with open_warehouse(settings) as warehouse:
        due = delivery.read_due(settings, warehouse, at)
    return delivery.deliver_due(settings, due, at)


@pytest.fixture
def mail_server():
    with running_mail_server() as server:
        yield server


@pytest.fixture
def chat():
    """A room that keeps what is posted: the alert webhook's far end."""
    heard: list[str] = []

    class Room(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Room)
    Thread(target=server.serve_forever, daemon=True).start()
    heard_at = f"http://127.0.0.1:{server.server_port}"
    yield heard_at, heard
    server.shutdown()
    server.server_close()


def test_a_provider_that_fails_is_told_once_and_so_is_its_recovery(shop, mail_server, chat, monkeypatch):
    monkeypatch.setattr(breakers, "FAILURES_IN_A_ROW", 1)
    webhook, heard = chat
    down = replace(shop, smtp_url="smtp://nobody:secret@127.0.0.1:1", alert_webhook=webhook)
    trouble = "email/smtp is not used: no SMTP connection: SMTPConnectError"
    assert [send(down, at).counts["retry"] for at in (LATER, LATER + HOUR)] == [2, 1]
    assert heard == [f"Millrace: {trouble}"]
    up = replace(down, smtp_url=mail_server.url)
    assert send(up, LATER + 2 * HOUR).counts == {"accepted": 2}
    assert (heard[1:], len(mail_server.received)) == ([f"Millrace: resolved: {trouble}"], 2)


def test_a_copied_installation_sends_nothing_to_people(shop, mail_server, tmp_path):
    live = replace(shop, smtp_url=mail_server.url)
    send(live)
    copy = replace(Settings.under(shutil.copytree(shop.home, tmp_path / "copy")), smtp_url=mail_server.url)
    with pytest.raises(FenceError, match="millrace fence arm"):
        send(copy)
    assert send(live, LATER + HOUR).counts == {"not_due": 2}
    assert len(mail_server.received) == 2


def test_an_installation_that_reaches_nobody_has_no_fence(shop, tmp_path):
    copy = Settings.under(shutil.copytree(shop.home, tmp_path / "copy"))
    assert send(copy).counts == {"accepted": 2}
    assert not copy.fence_path.exists()


def test_a_list_leaves_no_addresses_behind(shop):
    send(shop)
    assert list(shop.home.glob("due-*")) == []


def test_a_preview_says_who_would_get_what_and_sends_nothing(shop):
    with open_warehouse(shop) as warehouse:
        due = delivery.read_due(shop, warehouse, LATER)
    assert delivery.preview_due(shop, due, LATER) == [Share("email", "console", "goes", "", 2)]
    assert send(shop).counts == {"accepted": 2}


def test_a_mistake_in_the_providers_file_sends_nothing_and_names_the_field(shop, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text("channels: {email: [{provider: postmark}]}")
    with pytest.raises(ProvidersError, match="email/postmark: set MILLRACE_POSTMARK_SERVER_TOKEN"):
        send(replace(shop, providers_path=path))


def test_the_health_of_each_channel_is_on_its_materialization(shop):
    (row,) = providers.health_table(shop, "email")
    assert row == {
        "provider": "console",
        "breaker": "closed",
        "per_second": None,
        "accepted": 0,
        "rejected": 0,
        "waiting": 0,
        "unknown": 0,
        "dead_letters": 0,
    }


def test_secrets_are_never_printed(shop):
    assert "hunter2" not in repr(replace(shop, secrets={"TWILIO_AUTH_TOKEN": "hunter2"}))
