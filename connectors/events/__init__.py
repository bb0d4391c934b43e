"""Events: their contract, published as `schema.json`, and the files they arrive in."""

from __future__ import annotations

from connectors.events.contract import Event, Reject, parse, parse_json

__all__ = ["Event", "Reject", "parse", "parse_json"]
