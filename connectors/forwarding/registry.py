"""`webhooks.yml`: the systems that are told, what they are told, and how they know us."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connectors.forwarding.declared import Declared, WebhooksError, read_declared
from connectors.forwarding.network import is_public
from connectors.standard_webhooks import secret_key

__all__ = ["Webhook", "WebhooksError", "load_webhooks"]

SHIPPED = Path(__file__).with_name("webhooks.yml")
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A system that is told.

    Attributes:
        name: as flows and the queue call it.
        url: where posts go; never in a log, it may hold a token.
        events: names of events that are forwarded; `*` is every one.
        key: signs.
        allow_private: its address may be one of our own network, and `http`.
    """

    name: str
    url: str = field(repr=False)
    events: frozenset[str]
    key: bytes = field(repr=False)
    allow_private: bool = False

    def wants(self, event_name: str) -> bool:
        """Whether it is told of this event."""
        return event_name in self.events or EVERYTHING in self.events


def load_webhooks(path: Path, secrets: Mapping[str, str]) -> dict[str, Webhook]:
    """The webhooks of a file, by name.

    Args:
        path: the file.
        secrets: values of the environment, without `MILLRACE_`.

    Raises:
        WebhooksError: with every mistake: file, field, what to write instead.
    """
    mistakes: list[str] = []
    found = {}
    for name, spec in read_declared(path).items():
        variable = spec.secret or f"{name.upper()}_SIGNING_SECRET"
        said = [*_faults_of_url(spec), *_faults_of_secret(variable, secrets)]
        mistakes += [f"{path.name}: webhooks.{name}.{fault}" for fault in said]
        if not said:
            key = secret_key(secrets[variable])
            found[name] = Webhook(name, spec.url, frozenset(spec.events), key, spec.allow_private)
    if mistakes:
        raise WebhooksError("\n".join(mistakes))
    return found


def _faults_of_url(spec: Declared) -> list[str]:
    try:
        parts = urlsplit(spec.url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return ["url: cannot be read"]
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        return ["url: write https://host/path, without a user"]
    if spec.allow_private:
        return []
    if parts.scheme == "http":
        return ["url: write https://, or `allow_private: true` for a system of your own network"]
    try:
        is_inside = not is_public(ipaddress.ip_address(host))
    except ValueError:
        return []  # a name: looked at when it has been resolved
    return ["url: a private address; say `allow_private: true` if that is meant"] if is_inside else []


def _faults_of_secret(variable: str, secrets: Mapping[str, str]) -> list[str]:
    if variable not in secrets:
        return [f"secret: set MILLRACE_{variable} (whsec_ and base64 of 24 to 64 random bytes)"]
    try:
        secret_key(secrets[variable])
    except ValueError as error:
        return [f"secret: MILLRACE_{variable}: {error}"]
    return []
