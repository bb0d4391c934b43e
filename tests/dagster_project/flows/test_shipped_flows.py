"""The flows that Millrace ships: they compile, and their timings are those of the product list."""

import re
from pathlib import Path

import pytest

from dagster_project.flows.checks import Known
from dagster_project.flows.compile import compile_flow
from dagster_project.flows.problems import FlowError
from dagster_project.flows.registry import check_flows, load_flows, parse_flow
from dagster_project.flows.timetable import timetable
from dagster_project.settings import Settings

TIMINGS = {
    "welcome": [
        ("at once", "welcome", ""),
        ("+2 days", "welcome_recommendations", ""),
        ("+5 days", "welcome_first_purchase", "discount_code WELCOME10, discount_percent 10"),
        ("+5 days", "", ""),
    ],
    "cart_recovery": [
        ("at once", "cart_reminder", ""),
        ("at once", "cart_reminder", ""),
        ("+1 day", "cart_offer", "discount_code CART10, discount_percent 10"),
        ("+2 days", "cart_last_call", "discount_code CART15, discount_percent 15"),
    ],
    "post_purchase": [
        ("at once", "order_confirmation", "transactional"),
        ("+3 days", "", ""),
        ("+3 days", "shipping_update", "operational"),
        ("+3 days", "shipping_update", "operational"),
        ("+7 days", "", ""),
        ("+7 days", "review_request", ""),
        ("+30 days", "", ""),
        ("+30 days", "replenishment", ""),
    ],
    "win_back": [
        ("at once", "win_back_miss_you", ""),
        ("+7 days", "win_back_offer", "discount_code BACK20, discount_percent 20"),
        ("+7 days", "", ""),
        ("+14 days", "win_back_last_call", "discount_code BACK25, discount_percent 25"),
        ("+14 days", "", ""),
    ],
    "churn_rescue": [
        ("at once", "churn_rescue_check_in", ""),
        ("+5 days", "churn_rescue_offer", "discount_code STAY15, discount_percent 15"),
        ("+5 days", "", ""),
    ],
    "browse_abandonment": [("at once", "browse_reminder", "")],
    "price_drop": [("at once", "price_drop", "")],
    "birthday": [("at 09:00 local time", "birthday", "discount_code BDAY15, discount_percent 15")],
    "vip_entry": [
        ("at once", "vip_welcome", ""),
        ("at once", "", "tier_note vip"),
        ("+1 day", "vip_welcome", ""),
    ],
    "newsletter": [("at 10:00 local time", "newsletter", "")],
    "back_in_stock": [("at once", "back_in_stock", "transactional")],
    "confirm_subscription": [("at once", "confirm_subscription", "transactional")],
}
EXITS = {
    "welcome": ["ordered"],
    "cart_recovery": ["ordered", "cart_emptied"],
    "win_back": ["ordered"],
    "churn_rescue": ["ordered"],
    "browse_abandonment": ["ordered", "product_added"],
    "price_drop": ["ordered"],
    "back_in_stock": ["ordered"],
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings.under(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def flows(settings):
    return load_flows(settings)


def test_they_have_no_mistakes(settings):
    assert check_flows(settings) == []


@pytest.mark.parametrize(("flow", "old", "new", "told"), [
    ("cart_recovery", "              with: {discount_code: CART10, discount_percent: 10}\n", "",
     "step offer, field steps.offer.with: email/cart_offer reads payload.discount_code and"),
    ("cart_recovery", "urgent_subject", "urgent_subjekt",
     "step reminder, field steps.reminder.ab_test.urgent_subjekt: unknown variant of email/cart_reminder"),
    ("post_purchase", "              class: transactional\n", "",
     "step confirmation, field steps.confirmation.class: email/order_confirmation is written for transactional"),
    ("win_back", "send: email/win_back_miss_you", "send: email/win_back_miss_you\n              class: transactional",
     "step miss_you, field steps.miss_you.class: email/win_back_miss_you is written for marketing"),
])  # fmt: skip
def test_a_slip_in_one_of_them_is_told_before_anybody_is_written_to(settings, flow, old, new, told):
    file = settings.dbt_project / "models" / "marts" / "flows" / f"flow_{flow}.yml"
    text = file.read_text()
    assert old in text
    with pytest.raises(FlowError) as error:
        parse_flow(file.stem, text.replace(old, new, 1), file.name, Known.in_project(settings))
    (problem,) = map(str, error.value.problems)
    assert told in problem


def test_their_steps_come_when_the_product_says(flows):
    told = {
        flow.name: [(row["when"], row["template"], row["details"]) for row in timetable(flow)]
        for flow in flows
    }
    assert told == TIMINGS


def test_they_end_on_what_the_product_says(flows):
    exits = {flow.name: [row.signal for row in compile_flow(flow).flow_exits] for flow in flows}
    assert {name: signals for name, signals in exits.items() if signals} == EXITS


def test_their_sql_offers_candidates_for_as_long_as_they_may_enter(flows, settings):
    days = {}
    for flow in flows:
        sql = (Path(settings.dbt_project) / flow.file).with_suffix(".sql").read_text()
        days[flow.name] = {int(found) for found in re.findall(r"in_last_days\('[\w.]+', (\d), ", sql)}
    assert all(flow.definition.enter_within <= max(days[flow.name]) * 86_400 for flow in flows)


def test_a_flow_without_description_of_its_yaml_is_a_problem(settings, tmp_path, monkeypatch):
    (tmp_path / "models" / "marts" / "flows").mkdir(parents=True)
    (tmp_path / "models" / "marts" / "flows" / "flow_new.sql").write_text("select 1")
    monkeypatch.setattr(Settings, "dbt_project", property(lambda _: tmp_path))
    assert list(map(str, check_flows(settings))) == [
        "models/marts/flows/flow_new.yml, field file: is missing: describe the query beside the .sql, or remove that."
    ]
