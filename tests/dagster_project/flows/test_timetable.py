"""What a marketer and a reviewer read of a flow."""

from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree as ET

from dagster_project.flows.diagram import mermaid, picture, svg
from dagster_project.flows.timetable import describe, diff_flows, timetable

GOLDEN = Path(__file__).with_name("cart_recovery.txt")


def test_a_stranger_can_retell_the_flow(written):
    assert describe(written.flow()) + "\n" == GOLDEN.read_text()


def test_waits_add_up_and_times_of_day_are_local(written):
    def moment(words):
        return timetable(written.flow(written.step(words)))[-1]["when"]

    assert moment('at: "09:00"\n    send: email/cart_offer') == "+1 day, then at 09:00 local time"
    assert moment("wait_until: not engaged or after 3 days\n    send: email/cart_offer") == (
        "when not engaged, at the latest +4 days"
    )


def test_the_diff_of_an_edit_is_what_the_reviewer_reads(written):
    late = written.flow(
        written.change("wait: 1 day", "wait: 3 days").replace("hold_out: 10%", "hold_out: 5%")
    )
    assert diff_flows(written.flow(), late) == [
        "- held out      10%",
        "+ held out      5%",
        "- reminder_3  +2 days  everyone            email    cart_last_call",
        "+ reminder_3  +4 days  everyone            email    cart_last_call",
    ]


def test_the_mermaid_diagram_has_every_step_in_order(written):
    assert mermaid(written.flow()).splitlines() == [
        "flowchart TD",
        '  entry(["cart_recovery: enters again after 7 days"])',
        '  step1["<b>reminder_1</b><br/>50% plain_subject: email/cart_reminder<br/>50% urgent_subject: email/cart_reminder"]',
        '  entry -->|"+1 hour"| step1',
        '  step2["<b>reminder_2</b><br/>if engaged: email/cart_offer<br/>otherwise: sms/cart_nudge"]',
        '  step1 -->|"+1 day"| step2',
        '  step3["<b>reminder_3</b><br/>email/cart_last_call"]',
        '  step2 -->|"+2 days"| step3',
        '  step3 --> done(["ends on ordered, cart_emptied"])',
        '  goal>"goal: ordered within 5 days"]',
    ]


def test_the_svg_is_well_formed_and_says_the_same(written):
    picture = ET.fromstring(svg(written.flow()))
    words = [node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert words[:6] == ["cart recovery", "+1 hour", "reminder_1", "email/cart_reminder", "50% plain_subject",
                         "email/cart_reminder"]  # fmt: skip
    assert words[-2:] == ["ends on ordered, cart_emptied", "goal: ordered within 5 days, held out: 10%"]


def test_the_picture_carries_the_svg_in_one_line_of_markdown(written):
    flow = written.flow()
    name, _, data = picture(flow).partition("](data:image/svg+xml;base64,")
    assert (name, b64decode(data.removesuffix(")")).decode()) == ("![cart_recovery", svg(flow))
