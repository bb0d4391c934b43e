"""A step and its template fit each other: what would be refused at the send is refused by `flows check`."""

import pytest

from connectors.content.needs import needs_of
from connectors.content.template import Library

TINY = {
    "email/offer": "{description: d, subject: '{{ payload.code }}', optional: [payload.note],"
    " variants: {loud: {subject: '{{ payload.code }}!'}, quiet: {}}}",
    "email/receipt": "{description: d, subject: Thanks, message_class: transactional}",
    "email/letter": "{description: d, subject: Hello}",
    "push/offer": "{description: d, subject: s, text: '{{ payload.code }} {{ payload.note }}',"
    " optional: [payload.note]}",
    "push/anything": "{description: d, text: '{% for key in payload %}{{ key }}{% endfor %}'}",
}
MJML = "<mjml><mj-body><!-- {{ payload.nothing }} -->{{ payload.note | default('') }}</mj-body></mjml>"


@pytest.fixture
def needs(tmp_path):
    """`needs(name)` of a small library of templates."""
    (tmp_path / "brand.yml").write_text("{name: Tiny, locale: en_GB, currency: EUR}")
    (tmp_path / "sample.yml").write_text("{sample: {profile: {}}, optional: []}")
    for name, spec in TINY.items():
        folder = tmp_path / "templates" / name
        folder.mkdir(parents=True)
        (folder / "template.yml").write_text(spec)
        if name.startswith("email/"):
            (folder / "template.mjml").write_text(MJML if name == "email/offer" else "<mjml></mjml>")
    library = Library(tmp_path)
    return lambda name: needs_of(library, name)


@pytest.fixture
def problems(written, needs):
    """`problems("send: email/offer")`: mistakes of a flow whose only step says this."""

    def of(words, flow="reenter: never"):
        step = "\n".join(f"    {line}" for line in words.strip().splitlines())
        return written.problems(f"{flow}\nsteps:\n  - step: only\n{step}", needs=needs, templates=TINY)

    return of


def test_a_step_that_gives_what_its_template_reads_has_no_mistakes(problems):
    assert problems("send: email/offer\nwith: {code: TEN}") == []
    assert problems("send: email/offer\nwith: {code: TEN, note: hurry}") == []
    assert problems("send: email/receipt\nclass: transactional") == []


def test_what_the_template_reads_and_nothing_gives_is_a_mistake(problems):
    assert problems("send: email/offer") == [
        (
            "10, step only, field steps.only.with: email/offer reads payload.code, which nothing gives: write it"
            " here, or let it do without. Allowed: code, note."
        )
    ]


def test_what_is_given_and_nobody_reads_is_a_mistake(problems):
    assert problems("send: email/offer\nwith: {code: TEN, cod: TEN}") == [
        (
            '12, step only, field steps.only.with.cod: unknown payload key "cod": email/offer does not read it.'
            ' Did you mean "code"? Allowed: code, note.'
        )
    ]


def test_a_template_that_reads_the_payload_as_a_whole_takes_anything(problems):
    assert problems("send: push/anything\nwith: {whatever: 1}") == []


def test_each_arm_of_a_branch_is_looked_at(problems):
    flow = "conditions:\n  engaged: {any_of: [message_opened]}"
    step = (
        "branch:\n  - {if: engaged, send: email/offer}\n  - {else: true, send: push/offer, with: {code: T}}"
    )
    (problem,) = problems(step, flow)
    assert "field steps.only.branch.0.with: email/offer reads payload.code" in problem


def test_a_receipt_sent_as_marketing_has_no_way_out(problems):
    assert problems("send: email/receipt") == [
        (
            "10, step only, field steps.only.class: email/receipt is written for transactional messages"
            " (message_class in its template.yml) and would be sent as marketing. Allowed: transactional."
        )
    ]


def test_a_promotion_is_never_sent_without_consent(problems):
    assert problems("send: email/letter\nclass: transactional") == [
        (
            "12, step only, field steps.only.class: email/letter is written for marketing messages"
            " (message_class in its template.yml) and would be sent as transactional. Allowed: marketing."
        )
    ]
    assert problems("send: email/letter", "class: operational") != []


def test_an_arm_that_the_template_does_not_know_would_get_the_default(problems):
    assert problems("send: email/offer\nwith: {code: T}\nab_test: {loud: 50%, quite: 50%}") == [
        (
            '13, step only, field steps.only.ab_test.quite: unknown variant of email/offer "quite".'
            ' Did you mean "quiet"? Allowed: loud, quiet.'
        )
    ]


def test_arms_of_a_template_without_variants_would_all_get_the_same(problems):
    found = problems("send: email/letter\nab_test: {one: 50%, two: 50%}")
    assert [problem.partition("ab_test.")[2][:3] for problem in found] == ["one", "two"]
    assert "which has none: write them under variants in its template.yml" in found[0]


@pytest.mark.parametrize("arms", [
    "{mail: {share: 50%, send: email/offer, with: {code: T}}, app: {share: 50%, send: push/offer, with: {code: T}}}",
    "{now: {share: 50%, send: email/letter}, later: {share: 50%, send: email/letter, wait: 6 hours}}",
    "{ten: {share: 50%, send: push/offer, with: {code: A}}, more: {share: 50%, send: push/offer, with: {code: B}}}",
])  # fmt: skip
def test_arms_that_differ_by_channel_time_or_payload_are_no_variants(problems, arms):
    assert problems(f"ab_test: {arms}") == []


def test_an_arm_may_add_what_the_template_reads(problems):
    arms = "{loud: {share: 50%, with: {code: A}}, quiet: {share: 50%, with: {code: B}}}"
    assert problems(f"send: email/offer\nab_test: {arms}") == []


@pytest.mark.parametrize(("spec", "said"), [
    ("{description: d, subjekt: s}", "email/letter/template.yml: subjekt:"),
    ("{description: d", "while parsing a flow mapping"),
    ("{description: d, subject: '{{ payload.code'}", "syntax error"),
])  # fmt: skip
def test_a_template_that_cannot_be_used_is_told_at_the_step(problems, tmp_path, spec, said):
    (tmp_path / "templates" / "email" / "letter" / "template.yml").write_text(spec)
    (problem,) = problems("send: email/letter")
    assert problem.startswith("11, step only, field steps.only.send: email/letter cannot be used: ")
    assert said in problem
