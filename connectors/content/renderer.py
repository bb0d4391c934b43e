"""Rendering: a compiled template and one recipient's context give the message that is sent.

The same message gives the same bytes for ever: no clock, no randomness. A variable that is undefined, or
null, without a default is an error: the lint finds it before anybody is written to.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import minijinja

from connectors.content.compile import compile_email, tidy
from connectors.content.filters import as_html, build_filters, locale_in, locale_or, zone_or_utc
from connectors.content.mobile import mobile_content
from connectors.content.template import CONTENT, Library
from connectors.errors import ConnectorError, Rejected
from connectors.links import Links, Purpose
from connectors.model import Content, Message

FUEL = 200_000
"""Instructions per part; a newsletter with 30 products takes about 10,000. Ends what would loop for ever."""

LINKS_IN_CONTEXT: tuple[Purpose, ...] = ("open", "unsubscribe", "preferences", "view", "confirm", "trap")


class Renderer:
    """Renders messages of all channels from a library of templates."""

    def __init__(self, library: Library, links: Links) -> None:
        self.library = library
        self._links = links
        self._environment = minijinja.Environment(
            filters=build_filters(library.brand),
            globals={"brand": library.brand},
            undefined_behavior="strict",
            fuel=FUEL,
            auto_escape_callback=lambda name: name.endswith(".html"),
        )
        self._prepare = cache(self._prepare_template)
        self._line = cache(self._add_line)

    def render(self, message: Message) -> Content:
        """The content of one message.

        Raises:
            Rejected: when the template is missing or refuses this context; other messages are not concerned.
        """
        try:
            if message.template_path is None:
                return Content(text="", data=message.context.get("payload") or {})
            return self._render(message)
        except (minijinja.TemplateError, ConnectorError) as error:
            raise Rejected(f"template_error: {_first_line(error)}") from error

    def preview(
        self, name: str, variant: str | None = None, context: Mapping[str, Any] | None = None
    ) -> Content:
        """The template as the sample person (or the given context) would see it.

        Raises:
            TemplateError: when there is no such template or its source is wrong.
            minijinja.TemplateError: when the context does not suffice.
        """
        given = context or self.library.sample_context(name)
        message_class = self.library.spec(name).message_class
        return self._render(sample_message(name, variant, given, message_class))

    def undeclared(self, source: str) -> set[str]:
        """Dotted names that a text takes from the context, loops and assignments resolved."""
        return self._environment.undeclared_variables_in_str(source, nested=True)

    def _render(self, message: Message) -> Content:
        name = message.template_path or ""
        self._prepare(name)
        spec = self.library.spec(name)
        context = self._context(message, self.library.language_of(name))
        if message.channel != "email":
            fill = partial(self._fill, context=context)
            return mobile_content(message, spec, fill, self.library.brand, context["locale"])
        subject = self._fill(spec.subject_of(message.variant), context) if spec.subject else None
        unsubscribe = context["links"]["unsubscribe"] if message.message_class == "marketing" else None
        preheader = self._fill(spec.preheader_of(message.variant), context)
        text = self._environment.render_template(
            f"{name}.txt", **context, subject=subject, preheader=preheader
        )
        html = self._environment.render_template(
            f"{name}.html", **context, subject=as_html(subject or ""), preheader=as_html(preheader)
        )
        return Content(tidy(text), subject=subject, html=html, unsubscribe_url=unsubscribe)

    def _prepare_template(self, name: str) -> None:
        """Compile an e-mail template into the environment, once."""
        if name.startswith("email/"):
            compiled = compile_email(name, self.library.body(name))
            self._environment.add_template(f"{name}.html", compiled.html)
            self._environment.add_template(f"{name}.txt", compiled.text)

    def _fill(self, text: str, context: Mapping[str, Any]) -> str:
        return self._environment.render_template(self._line(text), **context) if "{" in text else text

    def _add_line(self, text: str) -> str:
        """Compile a subject, a preheader or the like, once; its name among the templates."""
        name = f"line {zlib.crc32(text.encode()):08x} {len(text)}"
        self._environment.add_template(name, text)
        return name

    def _context(self, message: Message, language: str) -> dict[str, Any]:
        """What the template sees; what is null is left out, so that only a default can stand for it."""
        given = {key: without_nulls(value) for key, value in message.context.items() if value is not None}
        profile = given.get("profile", {})
        sign = self._links.signer(message.message_id, message.profile_id, message.channel)

        locale = locale_or(profile.get("locale"), self.library.brand["locale"])
        empty: dict[str, Any] = {"profile": {}, "payload": {}, "recommendations": []}
        return {
            **empty,
            **given,
            # Without the key, `entry.items` would be the method of a Python dict.
            "entry": {"items": [], **given.get("entry", {})},
            "links": {purpose: sign(purpose, None) for purpose in LINKS_IN_CONTEXT},
            "click": cache(partial(sign, "click")),
            "variant": message.variant or "",
            "locale": locale,
            "date_locale": locale_in(language, locale, self.library.brand["locale"]),
            "time_zone": zone_or_utc(profile.get("time_zone")),
        }


def open_renderer(secret: str, public_url: str, folder: Path = CONTENT) -> Renderer:
    """The renderer of an installation: links lead to `public_url` and are signed with `secret`."""
    return Renderer(Library(folder), Links(secret, public_url))


def without_nulls(value: Any) -> Any:  # noqa: ANN401  (any JSON)
    """The same value without keys that hold null, at any depth."""
    if isinstance(value, dict):
        return {
            key: without_nulls(inner) if isinstance(inner, dict | list | tuple) else inner
            for key, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value


def sample_message(name: str, variant: str | None, context: Mapping[str, Any], message_class: str) -> Message:
    """A message that only exists to be looked at."""
    moment = datetime(2026, 3, 2, 9)
    return Message(
        message_id="0" * 32,
        kind="preview",
        flow="preview",
        step="preview",
        entry_id="0" * 32,
        profile_id=str(context["profile"]["profile_id"]),
        channel=name.partition("/")[0],
        address="ann@example.com",
        template=name,
        variant=variant,
        message_class=message_class,
        priority=0,
        decided_at=moment,
        due_at=moment,
        context=context,
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
