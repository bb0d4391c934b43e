"""Lint: what would go wrong with a template, found before anybody is written to.

Each arm of a template is rendered for its sample person, then for people who lack each optional value in
turn, then for one who lacks all of them. Names that the sample does not know are found without rendering,
wherever they stand. Links are judged by where they lead, not by our signed address in front of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import lxml.html  # type: ignore[import-untyped]
import minijinja

from connectors.content.compile import compile_email
from connectors.content.lint_links import PUBLIC_URL, SECRET, broken_links
from connectors.content.lint_mobile import mobile_findings
from connectors.content.renderer import Renderer, open_renderer, sample_message
from connectors.content.template import CONTENT, TemplateError
from connectors.errors import Rejected
from connectors.model import Content

LARGEST_HTML_BYTES = 102_000
"""Gmail cuts an HTML part off at 102 kB: the footer with the unsubscribe link goes first."""

LONGEST_SUBJECT = 120
OWN_TRAITS = "profile.traits."
"""What the shop says of some people beside the columns of `profiles`: whoever it is, it may be missing."""

GIVEN_BY_THE_RENDERER = frozenset(
    (
        "brand",
        "links",
        "click",
        "subject",
        "preheader",
        "variant",
        "locale",
        "recommendations",
        "time_zone",
        "date_locale",
    )
)


@dataclass(frozen=True)
class Finding:
    """One thing to change: which template, which rule, and what to do."""

    template: str
    rule: str
    message: str


def lint_templates(folder: Path = CONTENT) -> list[Finding]:
    """Everything that is wrong with the templates below `folder`; nothing is sent, nothing is fetched."""
    renderer = open_renderer(SECRET, PUBLIC_URL, folder)
    return [finding for name in renderer.library.names() for finding in _lint(renderer, name)]


def _lint(renderer: Renderer, name: str) -> Iterator[Finding]:
    try:
        yield from _unknown_names(renderer, name)
        yield from _missing_defaults(renderer, name)
        for variant in _arms(renderer, name):
            yield from _content_findings(renderer, name, renderer.preview(name, variant))
    except TemplateError as error:
        yield Finding(name, "source", str(error))
    except (minijinja.TemplateError, Rejected) as error:
        yield Finding(name, "rendering", _short(error))


def _arms(renderer: Renderer, name: str) -> tuple[str | None, ...]:
    """Nobody's arm, then each of the template's own."""
    return (None, *renderer.library.spec(name).variants)


def _sources(renderer: Renderer, name: str) -> Iterator[str]:
    """Every text of the template that is filled per recipient."""
    yield from renderer.library.spec(name).texts()
    if name.startswith("email/"):
        compiled = compile_email(name, renderer.library.body(name))
        if compiled.warnings:
            raise TemplateError(f"{name}: MJML: {'; '.join(compiled.warnings)}")
        yield compiled.html


def _unknown_names(renderer: Renderer, name: str) -> Iterator[Finding]:
    """Variables that are not in the sample: typing errors, and fields that the flow does not hand over."""
    known = paths(renderer.library.sample_context(name)) | set(renderer.library.optional)
    for source in _sources(renderer, name):
        for variable in sorted(renderer.undeclared(source)):
            if variable.partition(".")[0] not in GIVEN_BY_THE_RENDERER and variable not in known:
                yield Finding(
                    name,
                    "unknown variable",
                    f"{variable}: not in the template's sample; add it or correct it",
                )


def _missing_defaults(renderer: Renderer, name: str) -> Iterator[Finding]:
    """Values that a real person may lack and that the template, in any of its arms, cannot do without.

    The links are looked at here, because they may lead elsewhere for whom something is missing.
    """
    library = renderer.library
    whole = library.sample_context(name)
    named = {*library.optional, *library.spec(name).optional}
    optional = sorted(path for path in paths(whole) if path in named or path.startswith(OWN_TRAITS))
    found: dict[Finding, None] = {}
    for variant, lacking in product(_arms(renderer, name), [[], *([path] for path in optional), optional]):
        try:
            content = renderer.preview(name, variant, without(whole, lacking))
        except (minijinja.TemplateError, Rejected) as error:
            message = (
                f"{_short(error)}; give it a default: {{{{ … | default('…') }}}} or {{% if … is defined %}}"
            )
            found[Finding(name, "no default", message)] = None
        else:
            found |= dict.fromkeys(Finding(name, "broken link", told) for told in broken_links(content))
    yield from found


def _content_findings(renderer: Renderer, name: str, content: Content) -> Iterator[Finding]:
    spec = renderer.library.spec(name)
    if spec.subject and not (content.subject or "").strip():
        yield Finding(name, "empty subject", "the sample person would see no subject")
    if content.subject and len(content.subject) > LONGEST_SUBJECT:
        yield Finding(name, "long subject", f"{len(content.subject)} characters; at most {LONGEST_SUBJECT}")
    if content.html is None:
        message = sample_message(name, None, renderer.library.sample_context(name), spec.message_class)
        yield from (Finding(name, rule, what) for rule, what in mobile_findings(message, content))
        return
    size = len(content.html.encode())
    if size > LARGEST_HTML_BYTES:
        yield Finding(name, "size", f"{size:,} bytes of HTML; mailboxes cut off after {LARGEST_HTML_BYTES:,}")
    document = lxml.html.document_fromstring(content.html)
    language = document.getroottree().getroot().get("lang")
    if language not in {None, "und", renderer.library.language_of(name)}:
        said = f'<mjml lang="{language}">, but dates are in "{renderer.library.language_of(name)}"'
        yield Finding(name, "language", f"{said}: say language in template.yml")
    targets = [anchor.get("href") for anchor in document.xpath("//a")]
    if spec.message_class == "marketing" and content.unsubscribe_url not in targets:
        yield Finding(name, "no unsubscribe link", "link to {{ links.unsubscribe }}, or include the footer")
    for image in document.xpath("//img[not(@alt)]"):
        yield Finding(name, "no alt text", f'image {image.get("src", "")[:60]}: say what it shows, or alt=""')


def paths(value: object, prefix: str = "") -> set[str]:
    """Every dotted path of a context; the elements of a list count as one."""
    found: set[str] = set()
    if isinstance(value, Mapping):
        for key, inner in value.items():
            path = f"{prefix}.{key}" if prefix else key
            found |= {path} | paths(inner, path)
    elif isinstance(value, list):
        for inner in value:
            found |= paths(inner, prefix)
    return found


def without(context: Mapping[str, Any], lacking: list[str]) -> dict[str, Any]:
    """A copy of the context that lacks the values at the given paths."""
    result = copy.deepcopy(dict(context))
    for path in lacking:
        _remove(result, path.split("."))
    return result


def _remove(value: object, path: list[str]) -> None:
    if isinstance(value, list):
        for inner in value:
            _remove(inner, path)
    elif isinstance(value, dict) and len(path) == 1:
        value.pop(path[0], None)
    elif isinstance(value, dict) and path[0] in value:
        _remove(value[path[0]], path[1:])


def _short(error: Exception) -> str:
    return str(error).splitlines()[0]
