"""Predictions on two real shops, 90 days that no contender has seen: what learns beside what needs no learning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dagster_project.predictive.churn import CHURN
from dagster_project.predictive.evaluation import DECIDES
from dagster_project.predictive.model import BASELINES
from dagster_project.predictive.spend import SPEND_90
from dagster_project.predictive.training import train
from tests.dagster_project.predictive.shops import Shelf
from tests.validate.figures import SHARED, Effort, Figure, between

SHOPS = {
    "CDNOW, all 23,570 buyers": (
        f"""
        select customer_id::text as profile_id, date::timestamp as ordered_at, sum(spend) as revenue,
            null::timestamp as cancelled_at
        from '{SHARED}/cdnow/cdnow_master.parquet' group by all""",
        datetime(1998, 7, 1),
    ),
    "Online Retail": (
        f"""
        select customer_id::text as profile_id, min(invoice_date) as ordered_at,
            sum(quantity * unit_price) as revenue, null::timestamp as cancelled_at
        from '{SHARED}/online_retail/online_retail.parquet'
        where customer_id is not null and invoice_no not like 'C%' and quantity > 0 and unit_price > 0
        group by customer_id, invoice_no""",
        datetime(2011, 12, 10),
    ),
}
NEAR = {
    ("Online Retail", CHURN.name): (
        1.03,
        "no learner wins: autumn brings more buyers than any label showed",
    ),
}
"""Where no learner beats the baselines: how much worse the best of them may be, and why."""


def figures(_: Effort) -> Iterator[Figure]:
    """The loss of the best learner as a share of the best baseline's, and what the contest decided."""
    for shop, (orders, now) in SHOPS.items():
        shelf = Shelf(orders)
        for model in (CHURN, SPEND_90):
            contest = train(model, shelf, now).contest
            decides = DECIDES[model.kind]
            losses = {name: found[decides] for name, found in contest.figures.items()}
            baseline = min(losses[name] for name in BASELINES)
            learner = min(losses[name] for name in set(losses) - {*BASELINES, "mean"})
            most, why = NEAR.get((shop, model.name), (1.0, "learners beat rule of thumb and BG/NBD"))
            yield between(
                shop, f"{model.name}: {decides}, learner / baseline", learner / baseline, 0, most, why
            )
            mean = losses[contest.winner] / losses["mean"]
            name = f"{model.name}: {decides}, {contest.winner} / mean"
            yield between(shop, name, mean, 0, 0.95, "worth having")
            if model.kind == "money":
                correlation = contest.figures[contest.winner]["correlation"]
                yield between(shop, f"{model.name}: correlation", correlation, 0.6, 1, "BG/NBD: 0.66, 0.72")
