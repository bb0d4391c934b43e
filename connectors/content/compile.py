"""From MJML to the two texts that are filled per recipient: once per template.

MJML → HTML (mrml) → CSS inlined → links made traceable → HTML template; from that, the plain-text template.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import lxml.html  # type: ignore[import-untyped]
import mrml
from css_inline import CSSInliner
from inscriptis import get_text
from inscriptis.model.config import ParserConfig

from connectors.content.template import TemplateError

STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
EXPRESSION = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
ANCHOR = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)(")')
OUTLOOK = re.compile(r"<!--.*?-->", re.DOTALL)
TABLE_TAG = re.compile(r"<(/?)(?:table|tbody|thead|tr|td|th)\b[^>]*?( class=\"[^\"]*\")?[^>]*>")
OPENED_TAG = re.compile(r"(<[a-z]\w*) ")
LEFT_ALONE = re.compile(r"(\{%.*?%\}|\{\{.*?\}\}|<style\b.*?</style>)", re.DOTALL)
NOT_TRACKED = ("links.", "mailto:", "tel:", "#")
PIXEL = '<img src="{{ links.open }}" width="1" height="1" alt="" style="display:block;border:0" />'
TRAP = '<a href="{{ links.trap }}" style="display:none" tabindex="-1" aria-hidden="true"></a>'
"""The first link of a mail, which nobody sees: who follows it is a machine (see `collector/links.py`)."""
BODY = re.compile(r"<body\b[^>]*>")
HIDDEN_IN_TEXT = "no-text"

_INLINER = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_OPTIONS = mrml.RenderOptions(disable_comments=True, fonts={})


@dataclass(frozen=True)
class Compiled:
    """Both parts of an e-mail as minijinja templates, and what mrml said about the source."""

    html: str
    text: str
    warnings: tuple[str, ...]


def compile_email(name: str, source: str) -> Compiled:
    """Compile an e-mail template's MJML.

    Raises:
        TemplateError: when it is not MJML, or a link hides a statement.
    """
    try:
        output = mrml.to_html(source, render_options=_OPTIONS)
    except OSError as error:
        raise TemplateError(f"{name}: invalid MJML: {error}") from error
    markup = _inline(output.content)
    markup = ANCHOR.sub(lambda match: match[1] + _tracked(name, match[2]) + match[3], markup)
    tracked = BODY.sub(lambda match: match[0] + TRAP, markup, count=1).replace("</body>", f"{PIXEL}</body>")
    return Compiled(
        html=_mailable(tracked),
        text=_plain_text(markup),
        warnings=tuple(f"{warning.kind} at {warning.start}" for warning in output.warnings),
    )


def _inline(markup: str) -> str:
    """Inline the CSS; statements hide in comments meanwhile, or the HTML parser moves them out of tables."""
    statements: list[str] = []

    def hide(match: re.Match[str]) -> str:
        statements.append(match[0])
        return f"<!--statement {len(statements) - 1}-->"

    inlined = _INLINER.inline(STATEMENT.sub(hide, markup))
    shown = re.sub(r"<!--statement (\d+)-->", lambda match: statements[int(match[1])], inlined)
    return EXPRESSION.sub(lambda match: html.unescape(match[0]), shown)


def _mailable(markup: str) -> str:
    """What SMTP carries as it is: ASCII, and a new line inside each tag, where one means nothing."""
    pieces = LEFT_ALONE.split(markup)
    pieces[::2] = [
        OPENED_TAG.sub(r"\1\n", piece).encode("ascii", "xmlcharrefreplace").decode() for piece in pieces[::2]
    ]
    return "".join(pieces)


def _tracked(name: str, target: str) -> str:
    """The target as a call of `click`, so that the recipient's copy leads through a signed link."""
    if STATEMENT.search(target):
        raise TemplateError(f"{name}: a link may hold {{{{ … }}}} but no {{% … %}}: {target}")
    expression = EXPRESSION.fullmatch(target)
    if (expression[1] if expression else target).startswith(NOT_TRACKED):
        return target
    pieces = re.split(r"(\{\{.*?\}\})", html.unescape(target))
    parts = [
        EXPRESSION.sub(r"(\1)", piece) if EXPRESSION.match(piece) else _literal(piece)
        for piece in pieces
        if piece
    ]
    return f"{{{{ click({' ~ '.join(parts)}) }}}}"


def _literal(text: str) -> str:
    """A minijinja string in single quotes: double ones end the attribute that it stands in."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _plain_text(markup: str) -> str:
    """The words of the HTML in reading order, each link followed by its target."""
    blocks = TABLE_TAG.sub(r"<\1div\2>", OUTLOOK.sub("", markup))
    document = lxml.html.document_fromstring(blocks)
    for element in document.xpath(f"//*[contains(concat(' ', @class, ' '), ' {HIDDEN_IN_TEXT} ')]"):
        element.drop_tree()
    for anchor in document.xpath("//a[@href]"):
        anchor.tail = f" ({anchor.get('href')}){anchor.tail or ''}"
    text = get_text(lxml.html.tostring(document, encoding="unicode"), ParserConfig(display_images=False))
    return tidy(EXPRESSION.sub(lambda match: html.unescape(match[0]), text))


def tidy(text: str) -> str:
    """No blank ends of lines, never more than one empty line."""
    lines = "\n".join(map(str.strip, text.splitlines()))
    while "\n\n\n" in lines:
        lines = lines.replace("\n\n\n", "\n\n")
    return lines.strip() + "\n"
