"""Flows as rows: what the engine reads."""

import json
from dataclasses import asdict
from datetime import datetime

import pytest

from dagster_project.flows.compile import compile_flow, write_flows
from dagster_project.flows.rows import ArmRow, ConditionRow, ExitRow, FlowRow, StepRow
from dagster_project.settings import Settings
from dagster_project.warehouse import ensure_raw_tables, open_warehouse

NEW_YEAR, NEXT_DAY = datetime(2026, 1, 1), datetime(2026, 1, 2)
CART = "cart_recovery"


@pytest.fixture
def warehouse(tmp_path):
    warehouse = open_warehouse(Settings.under(tmp_path))
    ensure_raw_tables(warehouse)
    return warehouse


def test_the_example_compiles_to_these_rows(written):
    flow = written.flow()
    rows, key = compile_flow(flow), (CART, flow.version)
    marketing = ("marketing", 50, "{}")
    assert rows.flow == FlowRow(
        *key, "flow", "team:lifecycle", "Who left a cart.", "marketing", 50, "after", 604_800, 0.1,
        "ordered", 432_000, 172_800, 2_937_600, json.dumps(flow.definition.words()),
    )  # fmt: skip
    assert rows.flow_steps == (
        StepRow(*key, "reminder_1", 1, 3_600, None, None, None),
        StepRow(*key, "reminder_2", 2, 82_800, None, None, None),
        StepRow(*key, "reminder_3", 3, 86_400, None, None, None),
    )
    plain, urgent = "plain_subject", "urgent_subject"
    assert rows.flow_arms == (
        ArmRow(
            *key, "reminder_1", plain, 1, 0, 0.5, None, "send", "email", "cart_reminder", plain, *marketing
        ),
        ArmRow(
            *key, "reminder_1", urgent, 2, 0.5, 1, None, "send", "email", "cart_reminder", urgent, *marketing
        ),
        ArmRow(
            *key, "reminder_2", "engaged", 1, 0, 1, "engaged", "send", "email", "cart_offer", None, *marketing
        ),
        ArmRow(*key, "reminder_2", "else", 2, 0, 1, None, "send", "sms", "cart_nudge", None, *marketing),
        ArmRow(
            *key, "reminder_3", "only", 1, 0, 1, None, "send", "email", "cart_last_call", None, *marketing
        ),
    )
    signal = ("signal", "message_opened", None, None, "reminder_1", None, False)
    assert rows.flow_conditions == (
        ConditionRow(*key, "engaged", 1, "any", *signal),
        ConditionRow(*key, "engaged", 2, "any", "signal", "message_clicked", *signal[2:]),
    )
    assert rows.flow_exits == (ExitRow(*key, "ordered"), ExitRow(*key, "cart_emptied"))


def test_a_negated_condition_is_a_condition_of_its_own(written):
    flow = written.flow(written.change("if: engaged", "if: not engaged"))
    assert [
        (row.condition, row.match, row.term, row.is_negated) for row in compile_flow(flow).flow_conditions
    ] == [
        ("not engaged", "all", "message_opened", True),
        ("not engaged", "all", "message_clicked", True),
    ]


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("all_of: [{segment: vip}], none_of: [ordered]", [("all", "vip", False), ("all", "ordered", True)]),
        ("none_of: [ordered, cart_emptied]", [("all", "ordered", True), ("all", "cart_emptied", True)]),
        ("any_of: [ordered, {segment: vip}]", [("any", "ordered", False), ("any", "vip", False)]),
    ],
)
def test_terms_hold_together_or_one_for_all(written, words, rows):
    flow = written.flow(written.change("any_of: [message_opened, message_clicked], since: reminder_1", words))
    assert [(row.match, row.term, row.is_negated) for row in compile_flow(flow).flow_conditions] == rows


@pytest.mark.parametrize(
    ("words", "bounds"),
    [
        ("any_of: [ordered]", ("entry", None)),
        ("any_of: [ordered], within: 7 days", (None, 604_800)),
        ("any_of: [ordered], within: 7 days, since: entry", ("entry", 604_800)),
        ("any_of: [{segment: vip}], within: 7 days", (None, None)),
    ],
)
def test_signals_count_since_the_entry_unless_said(written, words, bounds):
    flow = written.flow(written.change("any_of: [message_opened, message_clicked], since: reminder_1", words))
    assert [(row.since, row.within_seconds) for row in compile_flow(flow).flow_conditions] == [bounds]


@pytest.mark.parametrize(
    ("words", "arms"),
    [
        (
            "webhook: loyalty\n    with: {points: 10}",
            [("only", "webhook", "webhook", "loyalty", '{"points":10}')],
        ),
        ("update_profile: {tier: vip}", [("only", "update_profile", "profile", None, '{"tier":"vip"}')]),
        (
            "branch: [{if: engaged, send: email/cart_offer, with: {code: A}}]",
            [
                ("engaged", "send", "email", "cart_offer", '{"code":"A"}'),
                ("else", "nothing", None, None, "{}"),
            ],
        ),
        (
            "send: email/cart_offer\n    with: {code: A, cut: 5}\n    ab_test: {low: 50%, high: {share: 50%, with: {cut: 9}}}",
            [
                ("low", "send", "email", "cart_offer", '{"code":"A","cut":5}'),
                ("high", "send", "email", "cart_offer", '{"code":"A","cut":9}'),
            ],
        ),
    ],
)
def test_every_way_of_a_step_becomes_an_arm(written, words, arms):
    rows = compile_flow(written.flow(written.step(words))).flow_arms
    last = [
        (row.arm, row.action, row.channel, row.template, row.payload)
        for row in rows
        if row.step == "reminder_3"
    ]
    assert last == arms


def test_class_and_priority_come_from_the_nearest_word(written):
    branch = (
        "priority: 9\n    branch: [{if: engaged, send: email/cart_offer, class: operational, priority: 0}]"
    )
    rows = compile_flow(
        written.flow("class: transactional\n" + written.step(branch).replace("hold_out: 10%", ""))
    ).flow_arms
    assert [(row.arm, row.message_class, row.priority) for row in rows[-3:]] == [
        ("else", "transactional", 50),
        ("engaged", "operational", 0),
        ("else", "transactional", 9),
    ]


def test_the_version_follows_the_meaning_not_the_spelling(written):
    version = written.flow().version
    assert written.flow(written.change("wait: 1 day", "wait: 24 hours")).version == version
    assert written.flow(written.change("hold_out: 10%", "hold_out: 10.0%\npriority: 50")).version == version
    assert written.flow(written.change("wait: 1 day", "wait: 25 hours")).version != version
    assert written.flow(name="other").version != version


def test_rows_come_back_from_the_warehouse_as_they_went_in(written, warehouse):
    flow = written.flow()
    assert write_flows(warehouse, [flow], NEW_YEAR) == [CART]
    rows = compile_flow(flow)
    for table in ("flow_steps", "flow_arms", "flow_conditions", "flow_exits"):
        stored = warehouse.query(f"select * from raw_flows.{table}").to_pylist()
        assert stored == [asdict(row) for row in getattr(rows, table)], table
    stored = warehouse.query("select * from raw_flows.flows").to_pylist()
    assert stored == [{**asdict(rows.flow), "live_since": NEW_YEAR}]


def test_an_edit_replaces_the_live_version_and_keeps_the_steps_of_the_old_one(written, warehouse):
    old, new = written.flow(), written.flow(written.change("wait: 1 day", "wait: 2 days"))
    write_flows(warehouse, [old], NEW_YEAR)
    assert write_flows(warehouse, [new], NEXT_DAY) == [CART]
    live = warehouse.query("select flow_version, live_since from raw_flows.flows").to_pylist()
    assert live == [{"flow_version": new.version, "live_since": NEXT_DAY}]
    steps = "select flow_version, count(*) as steps from raw_flows.flow_steps group by all order by all"
    assert warehouse.query(steps).to_pylist() == [
        {"flow_version": version, "steps": 3} for version in sorted([old.version, new.version])
    ]


def test_compiling_again_or_going_back_adds_no_version(written, warehouse):
    old, new = written.flow(), written.flow(written.change("wait: 1 day", "wait: 2 days"))
    write_flows(warehouse, [old], NEW_YEAR)
    assert write_flows(warehouse, [old], NEXT_DAY) == []
    assert warehouse.query("select live_since from raw_flows.flows").to_pylist() == [{"live_since": NEW_YEAR}]
    write_flows(warehouse, [new], NEXT_DAY)
    assert write_flows(warehouse, [old], NEXT_DAY) == []
    assert warehouse.query("select count(*) as steps from raw_flows.flow_steps").to_pylist() == [{"steps": 6}]


def test_a_flow_that_is_taken_out_is_no_longer_live(written, warehouse):
    write_flows(warehouse, [written.flow(), written.flow(name="other")], NEW_YEAR)
    write_flows(warehouse, [written.flow()], NEXT_DAY)
    assert warehouse.query("select flow from raw_flows.flows").to_pylist() == [{"flow": CART}]
