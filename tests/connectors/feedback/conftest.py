"""Recorded posts, and posts as vendors would make them today."""

import json
import tarfile
from datetime import datetime
from urllib.parse import urlencode

import pytest

from connectors.feedback import Feedback, Post
from connectors.feedback.providers import PROVIDERS

RECEIVED_AT = datetime(2026, 3, 2, 10)


@pytest.fixture(scope="session")
def recordings(pytestconfig):
    """The folder of recorded webhooks and bounces."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.exists():
        pytest.skip("recorded posts are not in this checkout")
    return folder


@pytest.fixture(scope="session")
def bounce_mails(recordings):
    """{file name: bytes} of 117 real bounces."""
    with tarfile.open(recordings / "bounces" / "flufl_bounces.tar.gz") as archive:
        return {
            member.name.rpartition("/")[2]: archive.extractfile(member).read()
            for member in archive
            if member.isfile()
        }


@pytest.fixture
def post():
    """`post({...})` is a JSON webhook; `post(form={...}, url=…)` a form."""

    def build(body=None, *, form=None, headers=None, url="", received_at=RECEIVED_AT):
        if form is not None:
            content, media_type = urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        else:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            media_type = "application/json"
        return Post(content, received_at, {"Content-Type": media_type} | (headers or {}), url)

    return build


@pytest.fixture
def normalized():
    """`normalized("postmark", post)`: the events, after checking that nothing was refused."""

    def read(provider, post):
        items = PROVIDERS[provider].normalize(post)
        assert all(isinstance(item, Feedback) for item in items), items
        return items

    return read
