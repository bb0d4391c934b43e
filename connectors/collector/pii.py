"""The PII hashing switch: what names a person directly is replaced by a keyed hash before it lands.

The same value gives the same hash, so people can still be told apart and joined; without the key nobody can
try out all phone numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

NAMES = frozenset(
    {
        "address",
        "email",
        "firstname",
        "fullname",
        "ip",
        "lastname",
        "phone",
        "phonenumber",
        "street",
        "username",
        "zip",
        "postalcode",
    }
)
"""Keys of traits, properties and context, in lower case and without separators."""
LEFT_OUT = frozenset({"birthday"})
"""What must stay a date to be any use, and has too few values to hash."""
NAMES_OF_PERSONS = frozenset({"traits"})
"""Where `name` is a person's: in properties it is a product's."""
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
IDS = ("userId", "user_id", "previousId", "anonymousId", "anonymous_id", "groupId")


def hash_pii(record: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """A record with direct identifiers hashed, at any depth; an id is hashed if it is an address."""
    hashed = {
        bag: _hashed(record[bag], secret, names_a_person=bag in NAMES_OF_PERSONS)
        for bag in ("traits", "properties", "context")
        if bag in record
    }
    for name in IDS:
        value = record.get(name)
        if isinstance(value, str) and ADDRESS.fullmatch(value):
            hashed[name] = _hash(value, secret)
    return {**record, **hashed}


def _hashed(value: Any, secret: str, *, names_a_person: bool) -> Any:  # noqa: ANN401  (any JSON)
    if isinstance(value, Mapping):
        return {
            key: _hash_all(inner, secret)
            if _is_direct(key, names_a_person=names_a_person)
            else _hashed(inner, secret, names_a_person=key in NAMES_OF_PERSONS)
            for key, inner in value.items()
            if key.lower() not in LEFT_OUT
        }
    if isinstance(value, list):
        return [_hashed(inner, secret, names_a_person=names_a_person) for inner in value]
    if isinstance(value, str) and ADDRESS.fullmatch(value):
        return _hash(value, secret)
    return value


def _is_direct(key: str, *, names_a_person: bool) -> bool:
    bare = re.sub(r"[\s_-]", "", key).lower()
    return bare in NAMES or (names_a_person and bare == "name")


def _hash_all(value: Any, secret: str) -> Any:  # noqa: ANN401  (any JSON)
    """Every leaf below a name that gives a person away; an address may be an object."""
    if isinstance(value, Mapping):
        return {key: _hash_all(inner, secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hash_all(inner, secret) for inner in value]
    return value if value is None or value == "" else _hash(str(value), secret)


def _hash(value: str, secret: str) -> str:
    mac = hmac.new(secret.encode(), value.strip().lower().encode(errors="replace"), hashlib.sha256)
    # What must look like an address still does, at a host that cannot exist (RFC 2606).
    return f"{mac.hexdigest()}@hashed.invalid" if "@" in value else f"sha256:{mac.hexdigest()}"
