"""Delivery: claim, last look, send, record, write back. Written once for all vendors."""

from connectors.delivery.facts import take_fresh_facts
from connectors.delivery.loop import deliver
from connectors.delivery.receipts import write_receipts
from connectors.delivery.sender import Sender
from connectors.delivery.tally import DeliveryResult

__all__ = ["DeliveryResult", "Sender", "deliver", "take_fresh_facts", "write_receipts"]
