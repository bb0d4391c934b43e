"""SMS, push and WhatsApp: what stands in them, and the way out of marketing texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.content import lint_templates, open_renderer
from connectors.content.mobile import with_opt_out
from connectors.errors import Rejected
from connectors.model import Action

SENTENCES = {"en": "Reply STOP to end.", "de": "Ende mit STOP."}
BRAND = {"locale": "en_GB", "sms_opt_out": SENTENCES}


@pytest.fixture(scope="module")
def shop():
    return open_renderer("secret", "https://shop.example")


@pytest.fixture
def written(tmp_path):
    """`written("sms", "text: Hi")`: the renderer of a folder with this one template, `<channel>/tiny`."""

    def build(channel, spec, brand="sms_opt_out: {en: Reply STOP to end.}"):
        (tmp_path / "brand.yml").write_text(
            f"name: Tiny\nlocale: en_GB\ncurrency: EUR\ntints: ['#eee']\n{brand}"
        )
        (tmp_path / "sample.yml").write_text("{sample: {profile: {profile_id: p}}, optional: []}")
        folder = tmp_path / "templates" / channel / "tiny"
        folder.mkdir(parents=True)
        (folder / "template.yml").write_text(f"description: d\n{spec}")
        return open_renderer("secret", "https://shop.example", tmp_path)

    return build


@settings(deadline=None)
@given(
    text=st.text(max_size=200),
    locale=st.sampled_from(["en_GB", "de_AT", "fr_FR", "pt"]),
    said=st.sampled_from(["", *SENTENCES.values()]),
)
def test_every_marketing_text_ends_with_a_way_out_said_once(text, locale, said):
    sentence = SENTENCES["de" if locale == "de_AT" else "en"]
    result = with_opt_out(f"{text}{said}", BRAND, locale)
    assert result == f"{text}{said}" if sentence in f"{text}{said}" else result.endswith(sentence)
    assert result.count(sentence) == max(1, f"{text}{said}".count(sentence))


@settings(deadline=None)
@given(first_name=st.text(max_size=40), value=st.decimals(0, 10_000, places=2))
def test_every_shipped_marketing_sms_offers_the_way_out_whatever_the_data(shop, first_name, value):
    names = [name for name in shop.library.names() if name.startswith("sms/")]
    marketing = [name for name in names if shop.library.spec(name).message_class == "marketing"]
    assert marketing
    for name in marketing:
        profile = {"profile_id": "p", "first_name": first_name, "locale": "de-AT"}
        context = shop.library.sample_context(name) | {"profile": profile, "entry": {"value": float(value)}}
        assert SENTENCES["de"] in shop.preview(name, context=context).text


def test_a_service_text_is_not_something_to_opt_out_of(shop):
    assert "STOP" not in shop.preview("sms/shipping_update").text


def test_a_brand_without_a_way_out_sends_no_marketing_text(written, message):
    renderer = written("sms", "text: Hi", brand="")
    with pytest.raises(Rejected, match="sms_opt_out"):
        renderer.render(message(channel="sms", template="sms/tiny"))


def test_a_push_shows_a_picture_and_buttons_that_lead_somewhere(shop):
    content = shop.preview("push/cart_reminder")
    assert content.image == "https://shop.example/images/P103.jpg"
    assert [(action.name, action.title) for action in content.actions] == [
        ("checkout", "Check out"),
        ("later", "Not now"),
    ]
    assert content.actions[0].url.startswith("https://shop.example/c/")
    assert content.actions[1] == Action("later", "Not now", None)


def test_a_push_about_a_product_without_a_picture_has_none(shop, message):
    push = message(channel="push", template="push/cart_reminder", context={"profile": {"profile_id": "p"}})
    assert shop.render(push).image is None


def test_whatsapp_speaks_the_language_that_was_approved(written, message):
    renderer = written(
        "whatsapp",
        "text: Hello\napproved: {name: hello, languages: {en: HX1, de: HX2}, parameters: ['{{ profile.profile_id }}']}",
    )
    said = {}
    for locale in ("de-AT", "en-GB", "fr-FR"):
        context = {"profile": {"profile_id": "p", "locale": locale}}
        said[locale] = renderer.render(
            message(channel="whatsapp", template="whatsapp/tiny", context=context)
        ).data
    german = {"template": "hello", "language": "de", "content_sid": "HX2", "parameters": ["p"]}
    english = german | {"language": "en", "content_sid": "HX1"}
    assert said == {"de-AT": german, "en-GB": english, "fr-FR": english}


def test_whatsapp_sends_nothing_that_was_not_approved(written, message):
    with pytest.raises(Rejected, match="needs `approved`"):
        written("whatsapp", "text: Hello").render(message(channel="whatsapp", template="whatsapp/tiny"))


# lint ---------------------------------------------------------------------------------------------


@pytest.fixture
def rules(written, tmp_path):
    """`rules("sms", "text: Hi")`: the rules that a template breaks, and what it says about them."""

    def run(channel, spec):
        written(channel, spec)
        return [(finding.rule, finding.message) for finding in lint_templates(tmp_path)]

    return run


def test_a_text_in_three_segments_passes_and_in_four_does_not(rules):
    long = "a" * (3 * 153 - len(" Reply STOP to end."))
    assert rules("sms", f"text: {long}") == []


def test_the_way_out_counts_as_a_part_of_the_text(rules):
    ((rule, what),) = rules("sms", f"text: {'a' * (3 * 153 - len(' Reply STOP to end.') + 1)}")
    assert (rule, what.partition(",")[0]) == ("segments", "4 segments (460 units of GSM-7)")


def test_one_letter_that_gsm_lacks_makes_a_text_dear(rules):
    ((rule, what),) = rules("sms", f"text: ç{'a' * 200}")
    assert (rule, "leave out what GSM-7 lacks" in what) == ("segments", True)


def test_a_push_that_no_service_takes_is_found(rules):
    found = rules("push", f"subject: Hi\ntext: {'a' * 4100}")
    assert [(rule, what.partition(" bytes for ")[2].partition(":")[0]) for rule, what in found] == [
        ("size", "fcm"),
        ("size", "apns"),
        ("size", "web_push"),
    ]


@pytest.mark.parametrize("field", ["url: http://t.example", "image: /images/a.jpg", "url: t.example"])
def test_a_push_leads_to_https_only(rules, field):
    assert [rule for rule, _ in rules("push", f"subject: Hi\ntext: Hello\n{field}")] == ["broken link"]


def test_a_button_leads_to_https_only_and_knows_its_variables(rules):
    button = "{name: go, title: Go, url: 'http://t.example/{{ profile.nmae | default(1) }}'}"
    found = rules("push", f"subject: Hi\ntext: Hello\nactions: [{button}]")
    assert [rule for rule, _ in found] == ["unknown variable", "broken link"]


@pytest.mark.parametrize("parameter", ["''", r'"a\nb"', "'a     b'"])
def test_whatsapp_takes_no_such_parameter(rules, parameter):
    spec = f"text: Hello\napproved: {{name: hello, languages: {{en: null}}, parameters: [{parameter}]}}"
    assert [rule for rule, _ in rules("whatsapp", spec)] == ["parameter"]


def test_a_text_that_is_empty_is_found(rules):
    assert [rule for rule, _ in rules("push", "subject: Hi\ntext: ''")] == ["empty text"]
