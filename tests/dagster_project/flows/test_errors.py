"""A mistake names its place, what is wrong, and the words that are allowed."""

import pytest

from dagster_project.flows.problems import FlowError
from dagster_project.flows.registry import parse_flow, read_flow

DURATION = 'is not a duration: write a number and a unit, such as "1 hour" or "2 days".'
STEP_WORDS = "ab_test, at, bandit, branch, class, priority, send, step, update_profile, wait, wait_until, webhook, winner, with."
MISTAKES = {
    "an unknown word in a step": (
        "wait: 1 hour", "wiat: 1 hour",
        f'16, step reminder_1, field steps.reminder_1.wiat: unknown word "wiat". Did you mean "wait"? Allowed: {STEP_WORDS}',
    ),
    "an unknown word in a flow": (
        "hold_out: 10%", "holdout: 10%",
        '11, field holdout: unknown word "holdout". Did you mean "hold_out"? Allowed: class, conditions, enter_within, exit_on, goal, hold_out, kind, max_age, priority, reenter, steps.',
    ),
    "a duration in other words": (
        "wait: 23 hours", "wait: 23h",
        f'20, step reminder_2, field steps.reminder_2.wait: "23h" {DURATION}',
    ),
    "a share without its sign": (
        "hold_out: 10%", "hold_out: 0.1",
        '11, field hold_out: "0.1" is not a share: write 0% to 100%, such as "10%".',
    ),
    "a hold-out of receipts": (
        "hold_out: 10%", "hold_out: 10%\nclass: transactional",
        "11, field hold_out: withholds nothing: a hold-out spares people marketing, and no step of this flow is marketing.",
    ),
    "shares that do not add up": (
        "urgent_subject: 50%", "urgent_subject: 40%",
        "18, step reminder_1, field steps.reminder_1.ab_test: shares add up to 90%: they must add up to 100%.",
    ),
    "a re-entry rule that is none": (
        "reenter: after 7 days", "reenter: sometimes",
        '8, field reenter: "sometimes" is not a re-entry rule: write never, always, or "after 7 days".',
    ),
    "a memory that the engine does not have": (
        "reenter: after 7 days", "reenter: after 400 days",
        "8, field reenter: 400 days is more than the engine looks back to: say 365 days or less.",
    ),
    "an unknown signal": (
        "exit_on: [ordered, cart_emptied]", "exit_on: [ordered, cart_emtied]",
        '10, field exit_on.1: unknown signal "cart_emtied". Did you mean "cart_emptied"? Allowed: cart_emptied, message_clicked, message_opened, ordered.',
    ),
    "an unknown segment": (
        "any_of: [message_opened", "any_of: [{segment: vips}",
        '13, field conditions.engaged.any_of.0.segment: unknown segment "vips". Did you mean "vip"? Allowed: newsletter, vip.',
    ),
    "an unknown trait": (
        "any_of: [message_opened", "any_of: [{trait: contry, is: DE}",
        '13, field conditions.engaged.any_of.0.trait: unknown trait "contry". Did you mean "country"? Allowed: country, order_count, traits.<name>.',
    ),
    "a trait below one that has none": (
        "any_of: [message_opened", "any_of: [{trait: country.code, is: DE}",
        '13, field conditions.engaged.any_of.0.trait: "country.code" is not a trait: write a column of profiles, or "traits.loyalty_level" for one of your own.',
    ),
    "a segment about something": (
        "any_of: [message_opened", "any_of: [{segment: vip, about: entry}",
        "13, field conditions.engaged.any_of.0.about: only a signal is about something; a segment is of the person.",
    ),
    "a signal about something else": (
        "any_of: [message_opened", "any_of: [{signal: ordered, about: order}",
        '13, field conditions.engaged.any_of.0.about: unknown word "order". Allowed: entry.',
    ),
    "an undeclared system": (
        "send: email/cart_last_call", "webhook: erp2",
        '26, step reminder_3, field steps.reminder_3.webhook: unknown system "erp2": declare it in webhooks.yml. Did you mean "erp"? Allowed: erp, loyalty.',
    ),
    "a trait without comparison": (
        "any_of: [message_opened", "any_of: [{trait: country}",
        "13, field conditions.engaged.any_of.0.trait: a trait is compared with one of is, is_not, at_least, at_most, more_than, less_than, is_known.",
    ),
    "an unknown template": (
        "send: sms/cart_nudge", "send: sms/cart_nugde",
        '23, step reminder_2, field steps.reminder_2.branch.1.send: unknown template "sms/cart_nugde". Did you mean "sms/cart_nudge"? Allowed: sms/cart_nudge.',
    ),
    "a template without channel": (
        "send: sms/cart_nudge", "send: cart_nudge",
        '23, step reminder_2, field steps.reminder_2.branch.1.send: "cart_nudge" is not a template: write its channel and name, such as "email/welcome".',
    ),
    "an unknown condition": (
        "if: engaged", "if: not engged",
        '22, step reminder_2, field steps.reminder_2.branch.0.if: unknown condition "engged". Did you mean "engaged"? Allowed: engaged.',
    ),
    "a condition since a later step": (
        "since: reminder_1", "since: reminder_2",
        '22, step reminder_2, field steps.reminder_2.branch.0.if: "engaged" counts since reminder_2, which is not before this step.',
    ),
    "a condition since no step": (
        "since: reminder_1", "since: remider_1",
        '13, field conditions.engaged.since: unknown step "remider_1". Did you mean "reminder_1"? Allowed: entry, reminder_1, reminder_2, reminder_3.',
    ),
    "two steps of one name": (
        "step: reminder_3", "step: reminder_2",
        '24, step reminder_2, field steps.reminder_2.step: "reminder_2" names two steps: a step is known by its name.',
    ),
    "a step without name": (
        "- step: reminder_3\n    wait", "- wait",
        "24, step 3, field steps.3.step: is missing.",
    ),
    "a step that does nothing": (
        "\n    send: email/cart_last_call", "",
        "24, step reminder_3, field steps.reminder_3.send: the step does nothing: say send, branch, update_profile or webhook.",
    ),
    "a step that does two things": (
        "send: email/cart_last_call", "send: email/cart_last_call\n    webhook: loyalty",
        "27, step reminder_3, field steps.reminder_3.webhook: one action each: send or webhook.",
    ),
    "a branch beside a send": (
        "wait: 23 hours", "send: email/cart_offer",
        "21, step reminder_2, field steps.reminder_2.branch: a step picks one arm: by branch, or by ab_test, or it has no arms.",
    ),
    "an else that is not last": (
        "- {if: engaged, send: email/cart_offer}", "- {else: true, send: email/cart_offer}",
        "21, step reminder_2, field steps.reminder_2.branch: a branch is a list of `if` arms; one `else: true` may come last.",
    ),
    "a payload for nobody": (
        "{else: true, send: sms/cart_nudge}", "{else: true, with: {code: A}}",
        "23, step reminder_2, field steps.reminder_2.branch.1.with: the arm does nothing: with belongs to send or webhook.",
    ),
    "a wait without end": (
        "wait: 1 day", "wait_until: engaged",
        '25, step reminder_3, field steps.reminder_3.wait_until: "engaged" has no end: write "engaged or after 3 days".',
    ),
    "a time of day without quotes": (
        "wait: 1 day", "at: 10:00",
        '25, step reminder_3, field steps.reminder_3.at: "600" is not a time of day: write it in quotes, such as "09:00" or "18:30", or best_time.',
    ),
    "an unknown message class": (
        "wait: 1 day", "class: promotion",
        '25, step reminder_3, field steps.reminder_3.class: unknown word "promotion". Allowed: marketing, operational, transactional.',
    ),
    "a priority out of range": (
        "wait: 1 day", "priority: 101",
        '25, step reminder_3, field steps.reminder_3.priority: "101" is out of range: write 0 to 100.',
    ),
    "a word without value": (
        "wait: 1 day", "wait:",
        "25, step reminder_3, field steps.reminder_3.wait: has no value: write one, or take the word out.",
    ),
    "a word written twice": (
        "wait: 1 day", "wait: 1 day\n    wait: 2 days",
        "26, step reminder_3, field steps.reminder_3.wait: is written twice: the first would be lost.",
    ),
    "a word where a list of words belongs": (
        "goal: {signal: ordered, within: 5 days}", "goal: ordered",
        '9, field goal: "ordered" is not a list of words with values, such as {word: value}. Allowed: signal, within.',
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_message_repairs(written, mistake):
    old, new, said = MISTAKES[mistake]
    assert written.problems(written.change(old, new)) == [said]


def test_all_mistakes_of_a_file_are_told_at_once(written):
    broken = written.change("wait: 1 hour", "wait: soon").replace("hold_out: 10%", "hold_out: few")
    assert [problem.split(":")[0] for problem in written.problems(broken)] == [
        "11, field hold_out",
        "16, step reminder_1, field steps.reminder_1.wait",
    ]


def test_a_trait_of_the_shops_own_needs_no_list(written):
    assert (
        written.problems(written.change("[message_opened", "[{trait: traits.loyaltyLevel, is: gold}")) == []
    )


def test_a_flow_needs_an_owner_and_a_definition():
    with pytest.raises(FlowError) as nothing:
        parse_flow("flow_x", "models: [{name: flow_x}]", "flow_x.yml")
    assert (
        str(nothing.value)
        == "flow_x.yml, field config.meta.flow: is missing: say what happens after the entry."
    )
    text = "models: [{name: flow_x, config: {meta: {flow: {steps: [{step: one, webhook: loyalty}]}}}}]"
    with pytest.raises(FlowError) as nobody:
        parse_flow("flow_x", text, "flow_x.yml")
    assert str(nobody.value) == (
        'flow_x.yml, field config.meta.owner: is missing: say who answers for it, such as "team:lifecycle".'
    )


def test_a_file_that_is_not_yaml_is_a_problem_too(tmp_path):
    (tmp_path / "flow_x.yml").write_text("models: [")
    with pytest.raises(FlowError, match=r"^flow_x.yml:1, field file: is not YAML: "):
        read_flow(tmp_path / "flow_x.yml", "flow_x.yml")
    with pytest.raises(FlowError, match=r"^flow_y.yml, field file: cannot be read: FileNotFoundError.$"):
        read_flow(tmp_path / "flow_y.yml", "flow_y.yml")
