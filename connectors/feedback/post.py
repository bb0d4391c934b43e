"""A post as it arrived: bytes, headers, address; and its body as JSON or as a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs, urlencode


@dataclass(frozen=True, slots=True)
class Post:
    """A webhook call, or a mail: bytes as they arrived; `received_at` is naive UTC."""

    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any], received_at: datetime) -> Post:
        """A post that was kept as JSON: `body` is text, or what a JSON body or a form says."""
        body, headers = record.get("body", ""), dict(record.get("headers") or {})
        media_type = str(record.get("content_type") or _header(headers, "Content-Type") or "")
        if isinstance(body, Mapping) and "form" in media_type:
            body, media_type = urlencode(body, doseq=True), "application/x-www-form-urlencoded"
        text = body if isinstance(body, str) else json.dumps(body)
        return cls(
            text.encode(), received_at, headers | {"Content-Type": media_type}, str(record.get("url", ""))
        )

    def header(self, name: str) -> str:
        """A header by its name in any case, empty when there is none."""
        return _header(self.headers, name) or ""

    def json(self) -> Any:  # noqa: ANN401  (any JSON)
        """The body as JSON; none when it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def form(self) -> Form:
        """The fields of an URL-encoded or multipart form."""
        media_type = self.header("Content-Type")
        if media_type.startswith("multipart/"):
            head = f"Content-Type: {media_type}\r\n\r\n".encode()
            mime = BytesParser(policy=HTTP).parsebytes(head + self.body)
            fields = Form()
            for part in mime.iter_parts():
                name = part.get_param("name", header="content-disposition")
                content = part.get_payload(decode=True)
                if isinstance(name, str) and isinstance(content, bytes):
                    fields.setdefault(name, []).append(content.decode(errors="replace"))
            return fields
        return Form(parse_qs(self.body.decode(errors="replace"), keep_blank_values=True))


class Form(dict[str, list[str]]):
    """Form fields; a name may occur several times. `getlist` is what Twilio's validator asks for."""

    def getlist(self, name: str) -> list[str]:
        """All values of a field, in their order."""
        return self.get(name, [])

    def first(self, name: str) -> str | None:
        """The first value of a field."""
        return next(iter(self.getlist(name)), None)

    def last(self, name: str) -> str | None:
        """The last value of a field."""
        return next(reversed(self.getlist(name)), None)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """WSGI writes `HTTP_X_NAME` for `X-Name`; recordings may hold either."""
    wanted = name.lower().replace("-", "_")
    for key, value in headers.items():
        if key.lower().replace("-", "_").removeprefix("http_") == wanted:
            return value
    return None
