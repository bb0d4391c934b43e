"""BG/NBD and Gamma-Gamma: the published estimates, and sense at the edges where papers do not go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.predictive.bg_nbd import BgNbd, History, fit_bg_nbd
from dagster_project.predictive.gamma_gamma import GammaGamma, fit_gamma_gamma

CDNOW = BgNbd(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259, log_likelihood=0.0)
"""Weeks; Fader, Hardie and Lee 2005."""


def one(repeats, recency, age):
    return History(*(np.array([float(value)]) for value in (repeats, recency, age)))


def test_the_example_of_the_paper():
    # Section 5 of the authors' note "Implementing the BG/NBD model in Excel": x = 2, t_x = 30.43, T = 38.86.
    assert CDNOW.expected_purchases(one(2, 30.43, 38.86), 39)[0] == pytest.approx(1.226, abs=5e-4)


def test_where_nobody_leaves_it_is_the_plain_negative_binomial():
    loyal = BgNbd(r=0.9, alpha=60.0, a=1e-9, b=1e4, log_likelihood=0.0)
    past = one(7, 200, 250)
    assert loyal.is_alive(past)[0] == pytest.approx(1)
    assert loyal.expected_purchases(past, 90)[0] == pytest.approx((0.9 + 7) / (60 + 250) * 90, rel=1e-6)
    assert loyal.silence(past, 90)[0] == pytest.approx(((60 + 250) / (60 + 340)) ** 7.9, rel=1e-6)


def test_the_forecast_is_smooth_where_its_formula_divides_by_zero():
    past = one(3, 20, 30)
    at, near = (BgNbd(0.3, 5.0, a, 2.0, 0.0).expected_purchases(past, 39)[0] for a in (1.0, 1.0 + 1e-4))
    assert at == pytest.approx(near, rel=1e-3)


def test_silence_and_forecast_agree_about_the_first_moments():
    """In a day hardly anybody buys twice, so the expected purchases are the chance of one."""
    past = one(4, 25, 30)
    soon = 0.01
    assert CDNOW.expected_purchases(past, soon)[0] == pytest.approx(
        1 - CDNOW.silence(past, soon)[0], rel=1e-2
    )


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(*[st.floats(1e-4, 1e4)] * 4),
    st.integers(0, 400),
    st.floats(0, 1),
    st.floats(0, 3000),
    st.floats(1, 400),
)
def test_no_customer_and_no_shop_breaks_it(parameters, repeats, recency, age, horizon):
    model = BgNbd(*parameters, 0.0)
    past = one(repeats, recency * age if repeats else 0, age)
    alive, silent = model.is_alive(past)[0], model.silence(past, horizon)[0]
    expected = model.expected_purchases(past, horizon)[0]
    at_most = (model.r + repeats) / (model.alpha + age) * horizon
    assert 0 <= alive <= 1
    assert 0 <= silent <= 1
    assert -1e-6 * at_most <= expected <= at_most * (1 + 1e-6)


def test_a_shop_in_which_nobody_seems_to_leave_can_be_fitted():
    """Online Retail is such a shop: the likelihood rises for ever, the forecast must not explode."""
    dice = np.random.default_rng(3)
    age = dice.uniform(100, 370, 800)
    rate = dice.gamma(1.0, 1 / 40, 800)
    bought = [
        np.sort(dice.uniform(0, until, dice.poisson(speed * until)))
        for until, speed in zip(age, rate, strict=True)
    ]
    past = History(
        np.array([len(days) for days in bought], float),
        np.array([days[-1] if len(days) else 0.0 for days in bought]),
        age,
    )
    model = fit_bg_nbd(past)
    assert model.a / (model.a + model.b) < 0.01
    assert model.expected_purchases(past, 90).sum() == pytest.approx(90 * rate.sum(), rel=0.1)


def test_a_shop_where_nobody_came_back_teaches_nothing():
    with pytest.raises(ValueError, match="no customer bought twice"):
        fit_bg_nbd(History(np.zeros(5), np.zeros(5), np.full(5, 30.0)))
    with pytest.raises(ValueError, match="no order has a positive value"):
        fit_gamma_gamma(np.array([2.0]), np.array([0.0]))


def test_few_orders_are_drawn_to_the_average_and_many_speak_for_themselves():
    model = GammaGamma(p=6.25, q=3.74, v=15.44, log_likelihood=0.0)
    everybody = model.expected_value(np.array([0.0]), np.array([0.0]))[0]
    assert everybody == pytest.approx(6.25 * 15.44 / 2.74)
    once, often = model.expected_value(np.array([1.0, 500.0]), np.array([100.0, 100.0]))
    assert everybody < once < often
    assert often == pytest.approx(100, rel=0.01)
