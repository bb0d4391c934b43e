"""The lint: a template that would fail a real person does not pass."""

import re

import pytest

from connectors.content import lint_templates
from connectors.content.lint import paths, without

UNSUBSCRIBE = '<a href="{{ links.unsubscribe }}">Unsubscribe</a>'


@pytest.fixture
def findings(tmp_path):
    """`findings("<mj-text>…</mj-text>")`: the rules that a template with this column breaks."""
    (tmp_path / "brand.yml").write_text("{name: Tiny, locale: en_GB, currency: EUR, tints: ['#eee']}")
    (tmp_path / "sample.yml").write_text(
        "{sample: {profile: {profile_id: p, first_name: Ann}, recommendations: [{name: Tea, price: 3}]},"
        " optional: [profile.first_name, recommendations, recommendations.price]}"
    )

    def lint(column, spec="{description: d, subject: Hello}", mjml=None, name="email/tiny"):
        folder = tmp_path / "templates" / name
        folder.mkdir(parents=True)
        (folder / "template.yml").write_text(spec)
        body = f"<mj-body><mj-section><mj-column>{column}</mj-column></mj-section></mj-body>"
        (folder / "template.mjml").write_text(mjml or f"<mjml>{body}</mjml>")
        return [(finding.rule, finding.message) for finding in lint_templates(tmp_path)]

    return lint


def text(words):
    return f"<mj-text>{words} {UNSUBSCRIBE}</mj-text>"


def test_the_shipped_templates_are_clean():
    assert lint_templates() == []


def test_a_good_template_passes(findings):
    assert findings(text("Hi {{ profile.first_name | default('friend') }}")) == []


def rules(found):
    return [rule for rule, _ in found]


def test_a_value_that_people_may_lack_needs_a_default(findings):
    found = findings(text("Hi {{ profile.first_name }}"))
    assert rules(found) == ["no default"]
    assert "`profile.first_name` is undefined" in found[0][1]


def test_a_trait_of_the_shops_own_is_one_that_people_may_lack(findings):
    spec = "{description: d, subject: Hello, sample: {profile: {traits: {loyalty_level: gold}}}}"
    assert rules(findings(text("{{ profile.traits.loyalty_level }}"), spec)) == ["no default"]


def test_a_question_whether_it_is_there_is_as_good_as_a_default(findings):
    assert (
        findings(text("{% if profile.first_name is defined %}Hi {{ profile.first_name }}{% endif %}")) == []
    )


def test_the_default_is_asked_for_inside_loops_too(findings):
    assert rules(findings(text("{% for item in recommendations %}{{ item.price | money }}{% endfor %}"))) == [
        "no default"
    ]


@pytest.mark.parametrize(
    "place", ["{{ profile.frist_name | default('x') }}", "{% if false %}{{ profil.name }}{% endif %}"]
)
def test_a_misspelt_variable_is_found_even_where_it_never_runs(findings, place):
    assert rules(findings(text(place))) == ["unknown variable"]


def test_marketing_without_a_way_out_is_refused(findings):
    assert rules(findings("<mj-text>Hello</mj-text>")) == ["no unsubscribe link"]


def test_a_receipt_needs_no_way_out(findings):
    spec = "{description: d, subject: Hello, message_class: transactional}"
    assert findings("<mj-text>Hello</mj-text>", spec) == []


def test_a_picture_must_say_what_it_shows(findings):
    assert rules(findings(text('<img src="https://t.example/a.png" />'))) == ["no alt text"]


def test_a_mail_that_gmail_would_cut_off_is_too_large(findings):
    assert rules(findings(text("long " * 21_000))) == ["size"]


def test_a_link_must_lead_somewhere(findings):
    assert "broken link" in rules(findings(text('<a href="mailto:">m</a><a>nowhere</a>')))


@pytest.mark.parametrize(
    "target",
    ["www.shop.example/cart", "/cart", "http://shop.example", "javascript:alert(1)", "https:///cart"],
)
def test_a_link_is_judged_by_where_it_leads_not_by_our_address_in_front(findings, target):
    said = f"a link leads to '{target}'; it must be an https address, or one of an app (shop://…)"
    assert findings(text(f'<a href="{target}">cart</a>')) == [("broken link", said)]


@pytest.mark.parametrize(
    "target", ["https://shop.example/cart?a=1&amp;b={{ profile.profile_id }}", "shop://cart"]
)
def test_a_link_may_lead_to_a_site_or_into_an_app(findings, target):
    assert findings(text(f'<a href="{target}">cart</a>')) == []


def test_a_link_that_only_some_people_get_is_looked_at_too(findings):
    place = "{{ 'https://t.example' if profile.first_name is defined else 't.example' }}"
    assert rules(findings(text(f'<a href="{place}">t</a>'))) == ["broken link"]


def test_a_text_message_leads_to_an_https_address_too(findings):
    spec = "{description: d, message_class: operational, text: \"Look: {{ click('t.example') }}\"}"
    assert rules(findings("", spec, name="sms/tiny")) == ["broken link"]


def test_what_is_not_mjml_is_refused(findings):
    assert rules(findings("", mjml="<mjml><mj-body><mj-section></mj-body></mjml>")) == ["source"]


def test_a_brand_value_that_does_not_exist_is_named(findings):
    found = findings(text("{{ brand.colours.ink }}"))
    assert found == [("source", "email/tiny: brand.colours.ink is not in brand.yml")]


def test_a_missing_partial_is_named(findings):
    found = findings(text("x") + '<mj-include path="nowhere" />')
    assert found == [
        ("source", "email/tiny: no nowhere.mjml beside it, and none in connectors/content/partials")
    ]


def test_an_unknown_word_in_the_spec_names_the_allowed_ones(findings):
    ((rule, message),) = findings(text("x"), "{description: d, subjekt: Hello}")
    assert rule == "source"
    assert message.startswith("email/tiny/template.yml: subjekt:")
    assert "subject" in message


def test_a_syntax_error_is_reported_with_its_line(findings):
    ((rule, message),) = findings(text("{% if %}"))
    assert rule == "rendering"
    assert re.search(r":\d+\)", message)


def test_every_arm_is_looked_at(findings):
    spec = "{description: d, subject: Hello, variants: {b: {subject: '{{ payload.code }}'}}}"
    assert "unknown variable" in rules(findings(text("x"), spec))


def test_every_arm_survives_people_who_lack_something(findings):
    spec = "{description: d, subject: Hello, variants: {b: {subject: 'Hi {{ profile.first_name }}'}}}"
    ((rule, message),) = findings(text("x"), spec)
    assert rule == "no default"
    assert "`profile.first_name` is undefined" in message


def test_the_language_of_dates_is_that_of_the_mail(findings):
    mjml = f'<mjml lang="de"><mj-body><mj-section><mj-column>{text("x")}</mj-column></mj-section></mj-body></mjml>'
    said = '<mjml lang="de">, but dates are in "en": say language in template.yml'
    assert findings("", mjml=mjml) == [("language", said)]


def test_paths_of_a_context_see_through_lists():
    assert paths({"a": {"b": [{"c": 1}, {"d": 2}]}}) == {"a", "a.b", "a.b.c", "a.b.d"}


def test_taking_values_away_leaves_the_original_alone():
    context = {"a": {"b": [{"c": 1}, {"c": 2, "d": 3}]}}
    assert without(context, ["a.b.c"]) == {"a": {"b": [{}, {"d": 3}]}}
    assert context == {"a": {"b": [{"c": 1}, {"c": 2, "d": 3}]}}
