"""The e-mail experiment of MineThatData (Hillstrom 2008): 64,000 customers, three arms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow.parquet as pq

from dagster_project.measurement.statistics import Totals, compare, sample_ratio_p_value
from tests.validate.figures import SHARED, Effort, Figure, between

FILE = SHARED / "hillstrom" / "hillstrom.parquet"
OF = "Hillstrom"
NONE, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
PUBLISHED = {  # visits and conversions in per cent, spend in dollars
    "visit": {MENS: 18.28, WOMENS: 15.14, NONE: 10.62},
    "conversion": {MENS: 1.25, WOMENS: 0.88, NONE: 0.57},
    "spend": {MENS: 1.4226, WOMENS: 1.0772, NONE: 0.6528},
}
ROUNDING = {"visit": 0.006, "conversion": 0.006, "spend": 0.00006}
IN_PERCENT = {"visit": 100.0, "conversion": 100.0, "spend": 1.0}


@cache
def customers() -> Mapping[str, np.ndarray]:
    """Columns of the file."""
    table = pq.read_table(FILE)
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def arm_totals(metric: str, members: np.ndarray, covariate: str = "history") -> Totals:
    """Sums of some customers, with what they spent in the year before as the covariate."""
    value = customers()[metric][members].astype(float)
    before = customers()[covariate][members].astype(float)
    count = len(value)
    return Totals(
        count=count,
        value=value.sum(),
        weight=count,
        before=before.sum(),
        value_value=(value**2).sum(),
        weight_weight=count,
        before_before=(before**2).sum(),
        value_weight=value.sum(),
        before_value=(before * value).sum(),
        before_weight=before.sum(),
    )


def without_covariate(totals: Totals) -> Totals:
    """The same sums for an analysis without CUPED."""
    return replace(totals, before=0.0, before_before=0.0, before_value=0.0, before_weight=0.0)


def figures(effort: Effort) -> Iterator[Figure]:
    """Arms, lifts with and without CUPED, sizes, and what is left when the labels are shuffled."""
    segments = customers()["segment"]
    for metric, published in PUBLISHED.items():
        arms = {arm: arm_totals(metric, segments == arm) for arm in published}
        scale, near = IN_PERCENT[metric], ROUNDING[metric]
        for arm, expected in published.items():
            yield Figure(OF, f"{metric}, {arm}", scale * arms[arm].mean, expected, near, "MineThatData")
        for arm in (MENS, WOMENS):
            lift = compare(arms[arm], arms[NONE])
            expected = published[arm] - published[NONE]
            yield Figure(
                OF, f"{metric}, lift of {arm}", scale * lift.plain_lift, expected, 2 * near, "MineThatData"
            )
            error = scale * lift.standard_error
            yield Figure(OF, f"{metric}, lift of {arm}, CUPED", scale * lift.lift, expected, error, "1 s.e.")
        sharper = arms[MENS], arms[NONE]
        ratio = compare(*sharper).standard_error / compare(*map(without_covariate, sharper)).standard_error
        yield between(OF, f"{metric}, standard error with CUPED", ratio, 0.9, 1.0, "share of the plain one")
    sizes = [int((segments == arm).sum()) for arm in (NONE, MENS, WOMENS)]
    ratio = sample_ratio_p_value(sizes, [1, 1, 1])
    yield between(OF, "sample ratio p-value", ratio, 0.05, 1.0, "randomized in thirds")
    least, most = max(0.0, 0.05 - noise(effort)), 0.05 + noise(effort)
    share = shuffled_share(effort.seeds)
    yield between(OF, "shuffled labels: share clear at 5 %", share, least, most, "5 % by definition")


def noise(effort: Effort) -> float:
    """How far a share of 5 % may be off in so many tries: 2.6 standard errors."""
    return 2.6 * math.sqrt(0.05 * 0.95 / effort.seeds)


def shuffled_share(times: int) -> float:
    """How often shuffled labels look like an effect on visits."""
    dice = np.random.default_rng(8)
    labels = customers()["segment"].copy()
    clear = 0
    for _ in range(times):
        dice.shuffle(labels)
        found = compare(arm_totals("visit", labels == MENS), arm_totals("visit", labels == NONE))
        clear += found.p_value < 0.05
    return clear / times
