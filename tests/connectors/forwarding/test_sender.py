"""The `webhook` step of a flow: through the ledger, signed, and one broken system stops no other."""

import pytest

from connectors.delivery import deliver
from connectors.delivery.console import FolderSender
from connectors.forwarding.sender import WebhookSender
from connectors.model import Content
from tests.connectors.conformance.vendor import Answer, Silence


class Payload:
    def render(self, message):
        return Content(text="", data={"order_id": "o1"})


@pytest.fixture
def step(message):
    return lambda system, **more: message(
        system, channel="webhook", address="", template=system, exit_signals=(), **more
    )


@pytest.fixture
def run(store, landing, now, tmp_path):
    def deliver_to(webhooks, *due):
        senders = (
            WebhookSender({hook.name: hook for hook in webhooks}),
            FolderSender("webhook", tmp_path / "out"),
        )
        return deliver(store, landing, due, {"webhook": senders}, Payload(), now).counts

    return deliver_to


def test_a_step_is_told_with_the_messages_id(run, step, webhook, far_end, told):
    assert run([webhook(far_end)], step("erp")) == {"accepted": 1}
    assert told(far_end) == [("message-erp", "flow.webhook")]
    assert far_end.requests[0].json()["data"] == {
        "flow": "flow_cart_recovery",
        "step": "reminder",
        "profileId": "profile-erp",
        "with": {"order_id": "o1"},
    }


def test_a_system_that_is_not_declared_is_told_in_a_file(run, step, webhook, far_end, tmp_path):
    assert run([webhook(far_end)], step("crm")) == {"accepted": 1}
    assert (far_end.requests, len(list((tmp_path / "out").rglob("crm-*.txt")))) == ([], 1)


@pytest.mark.parametrize(
    "fault", [Answer(401), Answer(500), Answer(429, headers={"Retry-After": "60"}), Silence]
)
def test_one_broken_system_stops_no_other(
    run, step, webhook, far_end, other_end, fault, monkeypatch, ledger_rows
):
    monkeypatch.setattr("connectors.forwarding.forwarder.TIMEOUT_SECONDS", 0.5)
    far_end.answers(fault)
    declared = [webhook(far_end, "broken"), webhook(other_end, "erp")]
    broken = [step("broken", message_id=f"b{number}") for number in range(6)]
    run(declared, *broken, step("erp"))
    assert [request.headers["webhook-id"] for request in other_end.requests] == ["message-erp"]
    assert {ledger_rows("state")[f"b{number}"] for number in range(6)} == {"retry"}
