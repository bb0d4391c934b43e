"""Lint of what is not an e-mail: segments of texts, size of pushes, what WhatsApp takes as a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.errors import Rejected
from connectors.model import Content, Envelope, Message
from connectors.push.payload import MOST_BYTES, encode
from connectors.sms.segments import measure

MOST_SEGMENTS = 3
"""A text beyond is paid for four times and more, and is rarely what somebody meant to write."""

LONGEST_PARAMETER = 1024
BROKEN_PARAMETER = re.compile(r"[\n\t]| {5,}")
"""WhatsApp refuses a parameter with a line break, a tab or more than four spaces in a row."""


def mobile_findings(message: Message, content: Content) -> Iterator[tuple[str, str]]:
    """(rule, what to do) for an SMS, push or WhatsApp message as its recipient would get it."""
    if not content.text:
        yield "empty text", "the sample person would see nothing"
    if message.channel == "sms":
        yield from _segments(content)
    if message.channel == "push":
        yield from _sizes(Envelope(message, content, message.due_at))
    if message.channel == "whatsapp":
        yield from _parameters(content)


def _segments(content: Content) -> Iterator[tuple[str, str]]:
    segments = measure(content.text)
    if segments.count > MOST_SEGMENTS:
        yield (
            "segments",
            f"{segments.count} segments ({segments.units} units of {segments.encoding}), each is paid for; at"
            f" most {MOST_SEGMENTS}: shorten it"
            + (", or leave out what GSM-7 lacks" if segments.encoding == "UCS-2" else ""),
        )


def _sizes(envelope: Envelope) -> Iterator[tuple[str, str]]:
    for service in MOST_BYTES:
        try:
            encode(envelope, service)
        except Rejected as error:
            yield "size", f"{error}: shorten the text, the links or the buttons"


def _parameters(content: Content) -> Iterator[tuple[str, str]]:
    for number, parameter in enumerate(content.data["parameters"], 1):
        if not parameter or len(parameter) > LONGEST_PARAMETER or BROKEN_PARAMETER.search(parameter):
            limits = (
                f"1 to {LONGEST_PARAMETER} characters, no line break, no tab, at most four spaces in a row"
            )
            yield "parameter", f"{{{{{number}}}}} must have {limits}"
