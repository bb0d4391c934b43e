"""What the collector keeps at once follows from the flows."""

from connectors.delivery.facts import SIGNALS
from dagster_project.settings import Settings
from dagster_project.signals import live_signals


def test_exits_and_goals_of_the_flows_and_what_forbids_messages_count_at_once(tmp_path):
    live = live_signals(Settings.under(tmp_path))
    assert {"Order Completed": "ordered", "Product Added": "product_added"}.items() <= live.items()
    assert {"Unsubscribed", "Subscribed", "Address Suppressed", "Email Bounced"} <= live.keys()
    assert {name: SIGNALS[name] for name in live if name in SIGNALS} == {
        name: word for name, word in live.items() if name in SIGNALS
    }


def test_browsing_that_ends_no_flow_costs_no_row(tmp_path):
    assert "Product Viewed" not in live_signals(Settings.under(tmp_path))


def test_what_empties_a_cart_counts_at_once_where_that_ends_a_flow(tmp_path):
    live = live_signals(Settings.under(tmp_path))
    assert {"Product Removed": "product_removed", "Cart Viewed": "cart_viewed"}.items() <= live.items()
