"""Somebody with a link of Ann's message, and what the store holds."""

from urllib.parse import urlsplit

import sqlalchemy as sa

from connectors import tables
from connectors.links import Link, Links
from tests.connectors.collector.conftest import PUBLIC_URL

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def marketing_link(purpose, person="ann", *, channel="email", url=None, secret="secret"):
    """The path of a link in a person's message."""
    link = Link(purpose, f"message-{person}", f"profile-{person}", channel, url or _target(purpose))
    return urlsplit(Links(secret, PUBLIC_URL).url(link)).path


def everything_in(store):
    """All rows of all tables."""
    with store.transaction() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in tables.metadata.sorted_tables
        }


def _target(purpose):
    return "https://shop.example/p/1" if purpose == "click" else None
