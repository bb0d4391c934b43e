"""`webhooks.yml`: every mistake with file, field and what to write; and addresses of our own network."""

import asyncio
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import TryAgain
from connectors.forwarding.forwarder import open_client
from connectors.forwarding.network import is_public
from connectors.forwarding.registry import SHIPPED, Webhook, WebhooksError, load_webhooks
from tests.connectors.forwarding.conftest import SECRET


@pytest.fixture
def load(tmp_path):
    def read(url, *, secrets=None, **more):
        lines = [f"    {name}: {value}" for name, value in {"url": f'"{url}"', **more}.items()]
        path = tmp_path / "webhooks.yml"
        path.write_text("\n".join(["webhooks:", "  erp:", *lines]))
        return load_webhooks(path, {"ERP_SIGNING_SECRET": SECRET} if secrets is None else secrets)["erp"]

    return read


def test_a_webhook_is_declared_in_three_lines(load):
    webhook = load("https://erp.example/hooks", events="[Order Completed]")
    assert (webhook.wants("Order Completed"), webhook.wants("Subscribed")) == (True, False)
    assert load("https://erp.example/hooks", events='["*"]').wants("whatever")
    assert "erp.example" not in repr(webhook)


def test_the_shipped_file_tells_nobody():
    assert load_webhooks(SHIPPED, {}) == {}


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::1]"),
]


@pytest.mark.parametrize("host", PRIVATE)
def test_an_address_of_our_own_network_must_be_meant(load, host):
    with pytest.raises(WebhooksError, match=r"webhooks\.yml: webhooks\.erp\.url: a private address; say"):
        load(f"https://{host}/hooks")
    assert load(f"http://{host}/hooks", allow_private="true").allow_private


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "127.1"])
def test_a_name_that_leads_inside_is_not_connected_to(host):
    hook = Webhook("erp", f"http://{host}:9/", frozenset(), b"key")

    async def call():
        client = open_client(hook)
        try:
            await client.post(hook.url, content=b"{}")
        finally:
            await client.close()

    with pytest.raises(TryAgain, match="not_connected"):
        asyncio.run(call())


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_public_as_its_mapped_form(address):
    assert is_public(ipaddress.ip_address(f"::ffff:{address}")) == is_public(address)


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"url": "ftp://erp.example"}, "url: write https://host/path"),
        ({"url": "https://user:password@erp.example"}, "url: write https://host/path"),
        ({"url": "http://erp.example"}, "url: write https://, or `allow_private: true`"),
        ({"url": "https://[::1"}, "url: cannot be read"),
        ({"url": "https://erp.example", "event": "[x]"}, "webhooks.erp.event: Extra inputs"),
        ({"url": "https://erp.example", "secrets": {}}, "secret: set MILLRACE_ERP_SIGNING_SECRET"),
        ({"url": "https://erp.example", "secrets": {"ERP_SIGNING_SECRET": "?"}}, "secret: MILLRACE_ERP_"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_write(load, declared, fault):
    with pytest.raises(WebhooksError) as raised:
        load(**declared)
    assert fault in str(raised.value)
    assert "password" not in str(raised.value)
