"""Flows written in a test, as text or as a mapping."""

import textwrap
from dataclasses import replace

import pytest
import yaml

from dagster_project.flows.checks import Known
from dagster_project.flows.problems import FlowError
from dagster_project.flows.registry import Flow, parse_flow

KNOWN = Known(
    signals=frozenset({"ordered", "cart_emptied", "message_opened", "message_clicked"}),
    segments=frozenset({"vip", "newsletter"}),
    templates=frozenset(
        {"email/cart_reminder", "email/cart_offer", "email/cart_last_call", "sms/cart_nudge"}
    ),
    traits=frozenset({"country", "order_count"}),
    webhooks=frozenset({"loyalty", "erp"}),
)

# The flow of the style guide, word by word.
EXAMPLE = """
reenter: after 7 days
goal: {signal: ordered, within: 5 days}
exit_on: [ordered, cart_emptied]
hold_out: 10%
conditions:
  engaged: {any_of: [message_opened, message_clicked], since: reminder_1}
steps:
  - step: reminder_1
    wait: 1 hour
    send: email/cart_reminder
    ab_test: {plain_subject: 50%, urgent_subject: 50%}
  - step: reminder_2
    wait: 23 hours
    branch:
      - {if: engaged, send: email/cart_offer}
      - {else: true, send: sms/cart_nudge}
  - step: reminder_3
    wait: 1 day
    send: email/cart_last_call
"""


class Written:
    """Definitions as an author writes them: what stands under `config.meta.flow`."""

    example = EXAMPLE

    def flow(self, definition: str | dict = EXAMPLE, name: str = "cart_recovery", **known: object) -> Flow:
        """The flow, checked against a small shop; `known` says what that shop has otherwise."""
        text = definition if isinstance(definition, str) else yaml.safe_dump(definition, sort_keys=False)
        meta = f"owner: team:lifecycle\nflow:\n{textwrap.indent(text.strip(chr(10)), '  ')}\n"
        head = (
            f"models:\n  - name: flow_{name}\n    description: Who left a cart.\n    config:\n      meta:\n"
        )
        return parse_flow(
            f"flow_{name}", head + textwrap.indent(meta, " " * 8), f"flow_{name}.yml", replace(KNOWN, **known)
        )

    def problems(self, definition: str | dict, **known: object) -> list[str]:
        """Its mistakes without the file: "25, step reminder_3, field …"."""
        try:
            self.flow(definition, **known)
        except FlowError as error:
            return [str(problem).removeprefix("flow_cart_recovery.yml:") for problem in error.problems]
        return []

    def change(self, old: str, new: str) -> str:
        """The example with one change."""
        assert old in EXAMPLE
        return EXAMPLE.replace(old, new, 1)

    def step(self, words: str) -> str:
        """The example with other words in its last step."""
        return self.change("wait: 1 day\n    send: email/cart_last_call", words)


@pytest.fixture(scope="session")
def written() -> Written:
    return Written()
