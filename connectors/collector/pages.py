"""Pages for people: plain HTML that needs no script, in their language and the brand's colours.

Every value is escaped by the template engine. The content security policy allows the one style sheet of these
pages and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import minijinja
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from connectors.collector.journal import Busy, StorageFailed
from connectors.content.template import CONTENT, TemplateError
from connectors.links import BadLink, Link

Endpoint = Callable[[Request], Awaitable[Response]]
Words = Mapping[str, str]
"""The same words by language."""
AppleApp = Annotated[str, Field(pattern=r"^[A-Z0-9]{10}\.[A-Za-z0-9.-]+$")]
Package = Annotated[str, Field(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)+$")]
Fingerprint = Annotated[str, Field(pattern=r"^([0-9A-F]{2}:){31}[0-9A-F]{2}$")]

NOT_KEPT = {
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""On everything that a link of a message leads to: the address holds who it was written to."""

log = logging.getLogger(__name__)


class Channel(BaseModel):
    """A channel as a heading, and within a sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Words
    by: Words


class Purpose(BaseModel):
    """What a person may say yes or no to; without `needs_yes` silence is a yes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    needs_yes: bool
    label: Words
    hint: Words


class AndroidApp(BaseModel):
    """An app, and the certificates that it is signed with: one's own and that of Play App Signing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: Package
    sha256_cert_fingerprints: Annotated[tuple[Fingerprint, ...], Field(min_length=1)]


class Apps(BaseModel):
    """`apps` in `pages.yml`.

    Attributes:
        ios: team and bundle, as in `A1B2C3D4E5.com.example.shop`.
        android: packages with their certificates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ios: tuple[AppleApp, ...] = ()
    android: tuple[AndroidApp, ...] = ()


class PagesSpec(BaseModel):
    """`pages.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: Mapping[str, Channel]
    purposes: Mapping[str, Purpose]
    texts: Mapping[str, Words]
    apps: Apps = Apps()


class Pages:
    """The pages of an installation, ready to be filled.

    Raises:
        TemplateError: when `pages.yml` is wrong; the message says where.
    """

    def __init__(self, content: Path = CONTENT) -> None:
        folder = content / "pages"
        self.brand: dict[str, Any] = yaml.safe_load((content / "brand.yml").read_text())
        self.spec = _read_spec(folder / "pages.yml")
        self._environment = minijinja.Environment(
            loader=lambda name: (folder / name).read_text(),
            undefined_behavior="strict",
            auto_escape_callback=lambda name: name.endswith(".html"),
        )
        css = self._environment.render_template("page.css", brand=self.brand)
        self._environment.add_global("brand", self.brand)
        self._environment.add_global("css", css)
        digest = b64encode(hashlib.sha256(css.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    def language(self, request: Request) -> str:
        """The first language of the reader that the pages have, else the brand's."""
        given = request.headers.get("accept-language", "")
        wanted = (part.partition(";")[0].strip()[:2].lower() for part in given.split(","))
        return next((word for word in wanted if word in self.spec.texts), str(self.brand["locale"])[:2])

    def texts(self, request: Request, link: Link | None = None) -> dict[str, str]:
        """The words of all pages in the reader's language, about the channel of their link."""
        language = self.language(request)
        channel = self.spec.channels.get(link.channel) if link else None
        by = channel.by[language] if channel else ""
        return {
            name: text.replace("{brand}", self.brand["name"]).replace("{by}", by)
            for name, text in self.spec.texts[language].items()
        }

    def show(
        self,
        request: Request,
        template: str,
        status: int = 200,
        **values: Any,  # noqa: ANN401  (whatever the template takes)
    ) -> HTMLResponse:
        """A page, which nobody may keep, frame or follow."""
        html = self._environment.render_template(template, language=self.language(request), **values)
        return HTMLResponse(html, status, {**NOT_KEPT, "Content-Security-Policy": self._policy})

    def notice(
        self,
        request: Request,
        name: str,
        status: int = 200,
        about: Link | None = None,
        onward: tuple[str, str] | None = None,
    ) -> HTMLResponse:
        """The page that says `<name>_title` and `<name>_text`; `onward` is an address and its words' name."""
        t = self.texts(request, about)
        link = {"url": onward[0], "text": t[onward[1]]} if onward else None
        title, text = t[f"{name}_title"], t[f"{name}_text"]
        return self.show(request, "notice.html", status, title=title, text=text, link=link)

    def later(self, request: Request) -> HTMLResponse:
        """When something could not be made durable; nothing was acknowledged."""
        page = self.notice(request, "later", 503)
        page.headers["Retry-After"] = "60"
        return page

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose failures a person can read: no link of ours, nothing kept."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except BadLink:
                return self.not_found(request)
            except (Busy, StorageFailed, OperationalError) as error:
                log.warning("a page could not be answered: %s", type(error).__name__)
                return self.later(request)

        return answer

    def not_found(self, request: Request) -> HTMLResponse:
        """For every link that is not ours, whatever is wrong with it."""
        return self.notice(request, "not_found", 404)


def _read_spec(path: Path) -> PagesSpec:
    try:
        spec = PagesSpec.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise TemplateError(f"pages.yml: {where}: {problem['msg']}") from error
    return spec
