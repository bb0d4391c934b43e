"""What the tests of delivery share: a run over several vendors, on messages that need no consent."""

import pytest

from connectors.delivery import deliver, loop


@pytest.fixture
def receipt_for(message):
    """`receipt_for("ann")`: an order confirmation, which needs no consent and does not expire."""

    def build(person, **changes):
        return message(person, **({"message_class": "transactional", "expires_at": None} | changes))

    return build


@pytest.fixture
def run_over(store, landing, renderer, now):
    """`run_over(due, first, second)`: one run with vendors in failover order; the result.

    It is `at` in the world as well, unless the wall clock says something else.
    """

    def run(due, *vendors, at=now, wall_clock=None, **options):
        senders = {}
        for vendor in vendors:
            senders.setdefault(vendor.channel, []).append(vendor)
        with pytest.MonkeyPatch.context() as patch:
            if at or wall_clock:
                patch.setattr(loop, "wall_clock", wall_clock or (lambda: at))
            return deliver(store, landing, due, senders, renderer, at, **options)

    return run
