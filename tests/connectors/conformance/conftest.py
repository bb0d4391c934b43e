"""The suite is a library of tests: its assertions shall say what was expected, too."""

from datetime import timedelta

import pytest

from connectors.delivery import deliver

pytest.register_assert_rewrite("tests.connectors.conformance.suite")


class Rendered:
    """Gives every message the content that the vendor's cases are about."""

    def __init__(self, content):
        self._content = content

    def render(self, _message):
        return self._content


@pytest.fixture
def through_the_ledger(store, landing, agree, ledger_rows, now):
    """`through_the_ledger(case, far, hours)`: Ann's message, delivered at these hours; its state after each."""

    def run(case, far, hours):
        (envelope,) = case.envelopes("ann")
        agree("ann", channel=envelope.message.channel)
        # One sender through all runs: each closes it at its end, and has an event loop of its own.
        senders = {envelope.message.channel: case.open(case.url(far.port), case.patience)}
        states = []
        for hour in hours:
            at = now + timedelta(hours=hour)
            agree("ann", channel=envelope.message.channel, as_of=at)
            deliver(store, landing, [envelope.message], senders, Rendered(envelope.content), at)
            states.append(ledger_rows("state")["message-ann"])
        return states

    return run
