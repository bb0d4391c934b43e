"""Rendering: one template and one person give one message, the same for ever."""

from base64 import urlsafe_b64decode

import lxml.html
import pytest

from connectors.content import open_renderer
from connectors.content.template import Library, TemplateError
from connectors.errors import Rejected
from connectors.links import Links

LINKS = Links("secret", "https://shop.example")


@pytest.fixture(scope="module")
def shop():
    return open_renderer("secret", "https://shop.example")


@pytest.fixture
def render(shop, message):
    def run(template, context=None, **changes):
        channel = template.partition("/")[0]
        given = context if context is not None else shop.library.sample_context(template)
        return shop.render(message("ann", template=template, channel=channel, context=given, **changes))

    return run


@pytest.fixture
def library(tmp_path):
    """A tiny content folder: `library(template=…, spec=…)` returns its renderer."""
    (tmp_path / "brand.yml").write_text(
        "{name: Tiny, locale: en_GB, currency: EUR, tints: ['#eee'], url: 'https://t.example'}"
    )
    (tmp_path / "sample.yml").write_text(
        "{sample: {profile: {profile_id: p, first_name: Ann}}, optional: [profile.first_name]}"
    )
    (tmp_path / "partials").mkdir()
    (tmp_path / "partials" / "footer.mjml").write_text(section("shared footer"))

    def build(template, spec="{description: d, subject: s}", name="email/tiny", **partials):
        folder = tmp_path / "templates" / name
        folder.mkdir(parents=True)
        (folder / "template.yml").write_text(spec)
        if template is not None:
            (folder / "template.mjml").write_text(f"<mjml><mj-body>{template}</mj-body></mjml>")
        for partial, text in partials.items():
            (folder / f"{partial}.mjml").write_text(section(text))
        return open_renderer("secret", "https://shop.example", tmp_path)

    return build


def section(text):
    return f"<mj-section><mj-column><mj-text>{text}</mj-text></mj-column></mj-section>"


@pytest.mark.parametrize("template", Library().names())
def test_every_template_greets_the_sample_person(render, template):
    content = render(template)
    assert content.text
    assert (content.html is not None) == template.startswith("email/")


def test_the_same_message_gives_the_same_content(render):
    assert render("email/cart_reminder") == render("email/cart_reminder")


def test_the_text_part_reads_like_the_mail(render):
    text = render("email/cart_reminder").text
    words = [line.partition(" (http")[0] for line in text.splitlines() if line.strip()]
    assert words == [
        "Millrace",
        "Your cart",
        "Still thinking it over, Ann?",
        "Good things need a moment. We kept everything the way you left it, so you can go on whenever you like.",
        "Yirgacheffe",
        "Quantity 2, €16.90 each",
        "€33.80",
        "Swan Kettle",
        "Quantity 1",
        "€64.90",
        "Filters",
        "Quantity 1",
        "€5.90",
        "Total",
        "€104.60",
        "Back to my cart",
        "Delivery in two days. Unopened bags go back within thirty days, no questions.",
        "You get this mail because you asked for news from Millrace.",
        "Unsubscribe",
        "Millrace Coffee & Tea, 4 Weir Lane, 1010 Vienna",
    ]


@pytest.mark.parametrize(("differences", "rows"), [
    ({"value": 39.7}, ["Total", "€39.70"]),
    ({"discount": 3.97, "value": 35.73}, ["Discount", "-€3.97", "Total", "€35.73"]),
    (
        {"discount": 3.97, "other_charges": 4.9, "value": 40.63},
        ["Discount", "-€3.97", "Shipping, tax and other", "€4.90", "Total", "€40.63"],
    ),
    ({"other_charges": -1, "value": 38.7}, ["Reductions", "-€1.00", "Total", "€38.70"]),
])  # fmt: skip
def test_a_receipt_shows_how_its_lines_become_the_total(render, shop, differences, rows):
    items = [
        {"product_id": "P1", "name": "Sencha", "price": 16.9, "quantity": 2},
        {"product_id": "P2", "name": "Filters", "price": 5.9, "quantity": 1},
    ]
    context = shop.library.sample_context("email/order_confirmation")
    entry = {"order_id": "o1", "items": items, "currency": "EUR", **differences}
    words = render("email/order_confirmation", {**context, "entry": entry}).text.split("on it.")[1]
    amounts = [line for line in words.splitlines() if line and "http" not in line][1:]
    assert amounts[: amounts.index("1")] == [
        "Quantity 2, €16.90 each",
        "€33.80",
        "Quantity 1",
        "€5.90",
        *rows,
    ]


@pytest.mark.parametrize(("variant", "subject"), [
    (None, "You left something in your cart"),
    ("plain_subject", "You left something in your cart"),
    ("urgent_subject", "Ann, we can hold your cart until tomorrow"),
    ("an_arm_of_last_year", "You left something in your cart"),
])  # fmt: skip
def test_the_arm_of_a_test_picks_the_subject(render, variant, subject):
    assert render("email/cart_reminder", variant=variant).subject == subject


def test_money_follows_the_recipients_locale(render, shop):
    context = shop.library.sample_context("email/cart_reminder")
    german = {**context, "profile": {**context["profile"], "locale": "de-AT"}}
    assert "€ 64,90" in render("email/cart_reminder", german).text.replace("\xa0", " ")


@pytest.mark.parametrize(("locale", "day"), [
    ("en-GB", "3 August 2026"),
    ("en-US", "August 3, 2026"),
    ("de-DE", "3 August 2026"),
    ("pt-PT", "3 August 2026"),
    (None, "3 August 2026"),
])  # fmt: skip
def test_an_english_sentence_has_an_english_date(render, shop, locale, day):
    context = shop.library.sample_context("email/win_back_miss_you")
    entry = {"last_ordered_at": "2026-08-03T10:00:00"}
    told = render("email/win_back_miss_you", {**context, "profile": {"locale": locale}, "entry": entry}).text
    assert f"Your last order left us on {day}." in told


def test_a_german_template_has_german_dates_for_everybody(library, message):
    shop = library(
        section("Am {{ entry.day | date }}"),
        "{description: d, subject: s, language: de, sample: {entry: {}}}",
    )
    for locale in ("en-GB", "fr-FR", "de-AT"):
        context = {"profile": {"locale": locale}, "entry": {"day": "2026-08-03"}}
        assert (
            shop.render(message("ann", template="email/tiny", context=context)).text == "Am 3. August 2026\n"
        )


def test_a_language_that_nobody_speaks_is_refused(library):
    shop = library(section("x"), "{description: d, language: tlh}")
    with pytest.raises(TemplateError, match=r"language: .*unknown language .tlh.: write a code such as en"):
        shop.preview("email/tiny")


@pytest.mark.parametrize(("zone", "moment", "day"), [
    ("Europe/Vienna", "2026-08-02 22:30:00", "3 August 2026"),
    ("America/New_York", "2026-08-03T03:59:59", "2 August 2026"),
    ("America/New_York", "2026-08-03T04:00:00Z", "3 August 2026"),
    ("Europe/Vienna", "2026-08-03T00:30:00+02:00", "3 August 2026"),
    ("Mars/Olympus", "2026-08-02 22:30:00", "2 August 2026"),
    ("../etc/passwd", "2026-08-02 22:30:00", "2 August 2026"),
    (None, "2026-08-02 22:30:00", "2 August 2026"),
    ("Asia/Tokyo", "2026-08-02", "2 August 2026"),
])  # fmt: skip
def test_a_moment_is_told_as_the_day_that_it_is_where_the_recipient_lives(
    library, message, zone, moment, day
):
    shop = library(section("{{ entry.moment | date }}"))
    context = {"profile": {"time_zone": zone}, "entry": {"moment": moment}}
    assert shop.render(message("ann", template="email/tiny", context=context)).text == f"{day}\n"


def test_a_locale_that_nobody_knows_falls_back_to_the_brands(render, shop):
    context = shop.library.sample_context("email/cart_reminder")
    klingon = {**context, "profile": {**context["profile"], "locale": "tlh-XX"}}
    assert "€64.90" in render("email/cart_reminder", klingon).text


def test_a_name_that_is_null_is_as_good_as_none(render, shop):
    context = shop.library.sample_context("email/cart_reminder")
    nameless = {**context, "profile": {**context["profile"], "first_name": None}}
    assert "Still thinking it over, friend?" in render("email/cart_reminder", nameless).text


def test_what_people_type_is_shown_and_never_run(render, shop):
    context = shop.library.sample_context("email/cart_reminder")
    evil = {**context, "profile": {**context["profile"], "first_name": "<script>alert(1)</script>"}}
    content = render("email/cart_reminder", evil)
    assert "<script>" not in content.html
    assert "<script>" in content.text


def test_every_link_of_a_mail_is_signed_for_its_recipient(render):
    targets = lxml.html.document_fromstring(render("email/cart_reminder").html).xpath("//a/@href")
    read = [LINKS.read(target) for target in targets]
    assert {(link.message_id, link.profile_id) for link in read} == {("message-ann", "profile-ann")}
    assert [link.url for link in read if link.purpose == "click"] == [
        "https://shop.example",
        "https://shop.example/p/P103",
        "https://shop.example/p/P115",
        "https://shop.example/p/P117",
        "https://shop.example/cart",
    ]


def test_no_address_is_in_any_link(render):
    for target in lxml.html.document_fromstring(render("email/cart_reminder").html).xpath(
        "//a/@href | //img/@src"
    ):
        payload = target.rpartition("/")[2].partition(".")[0]
        assert b"ann@example.com" not in urlsafe_b64decode(payload + "==")


def test_an_opened_mail_tells_by_a_signed_pixel(render):
    images = lxml.html.document_fromstring(render("email/welcome_first_purchase").html).xpath(
        "//img[@width='1']/@src"
    )
    assert [LINKS.read(image).purpose for image in images] == ["open"]


@pytest.mark.parametrize(("message_class", "has_link"), [("marketing", True), ("transactional", False)])
def test_marketing_can_be_unsubscribed_by_one_click(render, message_class, has_link):
    content = render("email/order_confirmation", message_class=message_class)
    assert (content.unsubscribe_url is not None) == has_link


def test_links_with_values_inside_are_put_together_before_they_are_signed(library, message):
    shop = library(
        section(
            '<a href="https://t.example/o/{{ profile.first_name }}/it\'s?a=1&amp;b={{ profile.profile_id }}">go</a>'
        )
    )
    html = shop.render(
        message("ann", template="email/tiny", context=shop.library.sample_context("email/tiny"))
    ).html
    trap, target = lxml.html.document_fromstring(html).xpath("//a/@href")
    assert LINKS.read(target).url == "https://t.example/o/Ann/it's?a=1&b=p"
    assert LINKS.read(trap).purpose == "trap"


def test_a_use_overrides_a_section_without_touching_the_original(library, message):
    library('<mj-include path="footer" />', name="email/plain")
    shop = library(None, "{description: d, extends: email/plain}", "email/special", footer="my own footer")
    texts = [
        shop.render(message("ann", template=name, context=shop.library.sample_context(name))).text
        for name in ("email/plain", "email/special")
    ]
    assert texts == ["shared footer\n", "my own footer\n"]


def test_a_loop_inside_a_table_stays_inside(library, message):
    rows = "<mj-table>{% for n in [1, 2] %}<tr><td>row {{ n }}</td></tr>{% endfor %}</mj-table>"
    shop = library(f"<mj-section><mj-column>{rows}</mj-column></mj-section>")
    content = shop.render(message("ann", template="email/tiny", context={"profile": {}}))
    assert content.text.split() == ["row", "1", "row", "2"]


@pytest.mark.parametrize("context", [{"profile": {}}, {"profile": {"first_name": None}}])
def test_an_undefined_variable_is_refused_and_named(library, message, context):
    shop = library(section("Hi {{ profile.first_name }}"))
    with pytest.raises(Rejected, match=r"profile\.first_name"):
        shop.render(message("ann", template="email/tiny", context=context))


def test_a_template_that_loops_for_ever_is_stopped(library, message):
    shop = library(
        section("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}")
    )
    with pytest.raises(Rejected, match="fuel"):
        shop.render(message("ann", template="email/tiny", context={"profile": {}}))


def test_a_flow_may_name_a_template_without_its_channel(shop, message):
    context = shop.library.sample_context("email/welcome")
    long, short = (
        shop.render(message("ann", template=name, context=context)) for name in ("email/welcome", "welcome")
    )
    assert long == short


def test_a_missing_template_says_what_to_create(render):
    with pytest.raises(Rejected, match=r"create connectors/content/templates/email/nothing/template\.yml"):
        render("email/nothing", {"profile": {}})


def test_a_step_without_a_template_carries_its_payload(shop, message):
    update = message("ann", template=None, channel="profile", context={"payload": {"tier_note": "vip"}})
    assert shop.render(update).data == {"tier_note": "vip"}
