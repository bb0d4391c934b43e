"""Pages show what they are given as text, whatever it is."""

import html
import re

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from connectors.collector.pages import Pages
from connectors.content.template import TemplateError

NASTY = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' autofocus onfocus='alert(1)",
            "</title><script>alert(1)</script>",
            "{{ brand }}{% include 'page.css' %}",
            "&lt;script&gt;",
        ]
    ),
)
PAGES = Pages()


def request(language="en"):
    return Request({"type": "http", "headers": [(b"accept-language", language.encode(errors="replace"))]})


@given(NASTY)
def test_whatever_a_form_sends_back_stays_text(given_address):
    t = PAGES.texts(request())
    answer = PAGES.show(request(), "subscribe.html", 400, t=t, is_invalid=True, email=given_address)
    page = lxml.html.document_fromstring(answer.body.decode())
    assert {element.tag for element in page.iter() if isinstance(element.tag, str)} == TAGS_OF_THE_FORM
    assert not [name for element in page.iter() for name in element.attrib if name.startswith("on")]


@given(NASTY, NASTY)
def test_a_title_and_a_text_stay_text(title, text):
    answer = PAGES.show(request(), "notice.html", title=title, text=text, link=None).body.decode()
    shown = re.search(r"<main>\n<h1>(.*?)</h1>\n\n?<p>(.*?)</p>", answer, re.DOTALL)
    assert [html.unescape(part) for part in shown.groups()] == [title, text]
    assert "<" not in shown[1] + shown[2]


@given(st.text(max_size=40))
def test_any_language_header_gives_a_page(header):
    assert PAGES.language(request(header)) in PAGES.spec.texts


def test_every_language_says_everything():
    spec = PAGES.spec
    languages = set(spec.texts)
    assert {frozenset(texts) for texts in spec.texts.values()} == {frozenset(spec.texts["en"])}
    labels = [
        *(words for each in spec.channels.values() for words in (each.label, each.by)),
        *(words for each in spec.purposes.values() for words in (each.label, each.hint)),
    ]
    assert [label for label in labels if set(label) != languages] == []


def test_a_wrong_file_of_words_says_where(tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "brand.yml").write_text("name: Shop")
    (tmp_path / "pages" / "pages.yml").write_text("channels: {}\npurposes: {}\ntext: {}")
    with pytest.raises(TemplateError, match=r"pages\.yml: texts: Field required"):
        Pages(tmp_path)


TAGS_OF_THE_FORM = {
    *("html", "head", "meta", "title", "style", "body", "header", "a", "main", "h1", "p"),
    *("form", "label", "input", "button", "footer"),
}
