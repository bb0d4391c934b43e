"""Models compete on a hold-out; what learned nothing is refused."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from dagster_project.predictive.churn import CHURN
from dagster_project.predictive.evaluation import deciles, losses
from dagster_project.predictive.features import TARGETS, customers_at
from dagster_project.predictive.next_order import NEXT_ORDER
from dagster_project.predictive.spend import SPEND_90, SPEND_365
from dagster_project.predictive.training import TooLittleHistoryError, cutoffs, train, train_on
from tests.dagster_project.predictive.shops import OPENED, Shelf, orders, simulated_shop

DAYS = 330
NOW = OPENED + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def shop():
    return simulated_shop(1500, DAYS)


@pytest.fixture(scope="module")
def known(shop):
    before, holdout = cutoffs(CHURN, OPENED, NOW)
    return customers_at(shop, [*before, holdout], 90), holdout


@pytest.mark.parametrize("model", [CHURN, SPEND_90, NEXT_ORDER], ids=lambda model: model.name)
def test_a_model_learns_the_shop_and_says_how_well(model, known):
    customers, holdout = known
    trained = train_on(model, customers, holdout)
    assert trained.contest.refusal is None
    assert trained.contest.cutoff == NOW - timedelta(days=90)
    assert set(trained.contest.figures) >= {"rule_of_thumb", "buy_till_you_die", "boosted", "mean"}
    assert sum(row.customers for row in trained.contest.deciles) == trained.contest.customers
    top, bottom = trained.contest.deciles[0], trained.contest.deciles[-1]
    assert top.actual > bottom.actual
    now = customers.filter(pl.col("as_of") == holdout)
    predicted = trained.contender.predict(now)
    assert len(predicted) == len(now)
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()


@pytest.mark.parametrize("model", [CHURN, SPEND_90], ids=lambda model: model.name)
def test_what_learned_from_shuffled_labels_is_refused(model, known):
    customers, holdout = known
    shuffled = customers.select(TARGETS).sample(fraction=1, shuffle=True, seed=5)
    trained = train_on(model, customers.with_columns(shuffled), holdout)
    assert "not clearly better than the mean" in trained.contest.refusal


@pytest.mark.parametrize("did_it", [0, 1])
def test_where_all_customers_did_the_same_there_is_nothing_to_learn(did_it, known):
    customers, holdout = known
    alike = customers.with_columns(pl.lit(did_it).alias("next_purchases"))
    with pytest.raises(TooLittleHistoryError, match=r"are alike"):
        train_on(CHURN, alike, holdout)


def test_a_learner_that_is_not_clearly_better_than_a_baseline_is_not_promoted(known):
    """Labels that follow from recency and frequency alone: the rule of thumb knows all there is."""
    customers, holdout = known
    dice = np.random.default_rng(9)
    chance = np.where(customers["silent_days"].to_numpy() > 60, 0.9, 0.3)
    labels = pl.Series("next_purchases", (dice.random(len(customers)) > chance).astype(int))
    trained = train_on(CHURN, customers.with_columns(labels), holdout)
    figures = trained.contest.figures
    best = min(figures[name]["brier"] for name in ("linear", "boosted"))
    assert trained.contest.refusal is None
    assert trained.contest.winner == "rule_of_thumb" or best < figures["rule_of_thumb"]["brier"]


def test_no_label_of_the_hold_out_is_known_when_learning():
    before, holdout = cutoffs(CHURN, OPENED, NOW)
    assert holdout == NOW - timedelta(days=90)
    assert max(before) + timedelta(days=CHURN.horizon_days) <= holdout
    assert min(before) >= OPENED + timedelta(days=60)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "there are none"),
        ([("ann", NOW - timedelta(days=10), 5.0, None)], "needs 240 days of orders, and there are 10"),
        ([("ann", OPENED, 5.0, None)], "needs 100 customers"),
    ],
)
def test_too_little_history_is_said_in_figures(rows, message):
    with pytest.raises(TooLittleHistoryError, match=message):
        train(CHURN, Shelf(orders(rows)), NOW)


def test_a_year_ahead_is_extrapolated_while_there_are_less_than_two_years_and_says_so(shop):
    trained = train(SPEND_365, shop, NOW)
    assert (trained.contest.winner, trained.contest.horizon_days) == ("buy_till_you_die", 90)
    assert trained.contest.refusal is None
    now = customers_at(shop, [NOW], 1)
    year, quarter = (
        replace(trained.contender, horizon_days=days).predict(now) for days in (SPEND_365.horizon_days, 90)
    )
    assert (year >= quarter).all()
    assert (year <= quarter * 365 / 90 * (1 + 1e-9)).all()


def test_not_even_an_extrapolation_without_any_hold_out(shop):
    with pytest.raises(TooLittleHistoryError, match="needs 150 days of orders, and there are 140"):
        train(SPEND_365, shop, OPENED + timedelta(days=140, hours=12))


def test_the_deviance_of_money_is_smallest_for_the_true_mean():
    actual = np.array([0.0, 0.0, 0.0, 100.0])
    by_guess = {guess: losses("money", np.full(4, guess), actual).mean() for guess in (0.0, 10.0, 25.0, 60.0)}
    assert min(by_guess, key=by_guess.get) == 25.0


def test_deciles_hold_everybody_and_say_the_lift():
    predicted = np.arange(25.0)
    rows = deciles(predicted, predicted)
    assert sum(row.customers for row in rows) == 25
    assert [row.decile for row in rows] == list(range(1, 11))
    assert rows[0].lift == pytest.approx(rows[0].actual / predicted.mean())
