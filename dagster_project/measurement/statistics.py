"""Two arms compared: fixed-horizon, sequential-safe and Bayesian, from sums that SQL makes.

The unit is whoever was assigned to an arm (a profile), even where one is counted more than once (entries):
the variance is that of a ratio of sums, by the delta method. Welch's test, the delta method and CUPED are
tea-tasting's. It has nothing sequential and nothing Bayesian: these are closed formulas of their papers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tea_tasting.aggr import Aggregates

ALPHA = 0.05
POWER = 0.80
SEQUENTIAL_OPTIMUM = 5_000
"""Units in all at which the sequential interval is tightest: what GrowthBook sets, too."""
PRIOR_SHARE = 0.3
"""Standard deviation of the prior of a lift, as a share of the baseline: most lifts are smaller than that."""
WORTHWHILE_SHARE = 0.10
"""The lift, as a share of the baseline, that an experiment should be large enough to find."""
COLUMNS = ("value", "weight", "before")
NORMAL = NormalDist()
Z_ALPHA, Z_POWER = NORMAL.inv_cdf(1 - ALPHA / 2), NORMAL.inv_cdf(POWER)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the units of one arm, for one metric.

    Attributes:
        count: units (profiles).
        value: sum of what was measured: orders, openings, money.
        weight: sum of how often a unit was counted (entries).
        before: sum of the covariate, known before the experiment touched the unit; 0 without one.
        value_value: sum of squares, and so on for each pair.
    """

    count: int
    value: float
    weight: float
    before: float
    value_value: float
    weight_weight: float
    before_before: float
    value_weight: float
    before_value: float
    before_weight: float

    @property
    def mean(self) -> float:
        """What was measured, each time that somebody was counted; not a number without participants."""
        return self.value / self.weight if self.weight else math.nan

    def spread(self, left: str, right: str) -> float:
        """Sample covariance of two columns (the variance of one with itself), never a negative variance."""
        product = getattr(self, "_".join(sorted((left, right), key=_product_order)))
        around = product - getattr(self, left) * getattr(self, right) / self.count
        return float(max(around, 0.0) if left == right else around) / (self.count - 1)

    @property
    def varies(self) -> bool:
        """Whether units differ at all from one another, given how often they were counted."""
        ratio = self.mean
        parts = (self.spread("value", "value"), ratio**2 * self.spread("weight", "weight"))
        return sum(parts) - 2 * ratio * self.spread("value", "weight") > 1e-12 * sum(parts)

    def aggregates(self) -> Aggregates:
        """The same as means, variances and covariances, in tea-tasting's words."""
        from tea_tasting.aggr import Aggregates  # noqa: PLC0415  (2 s that only an analysis should pay)

        pairs = (("value", "weight"), ("value", "before"), ("weight", "before"))
        return Aggregates(
            count_=self.count,
            mean_={name: getattr(self, name) / self.count for name in COLUMNS},
            var_={name: self.spread(name, name) for name in COLUMNS},
            cov_={pair: self.spread(*pair) for pair in pairs},
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm less its baseline, in the metric's unit; not a number where nothing can be said.

    Attributes:
        lift: difference of the means, adjusted by the covariate (CUPED).
        low: lower end of its 95 % interval, right when looked at once, at a moment set beforehand.
        high: upper end.
        p_value: of Welch's test, two-sided.
        plain_lift: difference of the means as they are.
        standard_error: of `lift`.
        sequential_low: lower end of the 95 % interval that is right at every look (a confidence sequence).
        sequential_high: upper end.
        sequential_p_value: right at every look.
        chance_to_beat: probability that the arm is better than its baseline.
        expected_loss: what choosing the arm loses on average if it is worse.
        detectable_lift: smallest true difference that such groups find four times out of five.
        needed_count: units in both arms together to find a difference of a tenth of the baseline.
        unit_count: units in both arms together.
    """

    lift: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    plain_lift: float = math.nan
    standard_error: float = math.nan
    sequential_low: float = math.nan
    sequential_high: float = math.nan
    sequential_p_value: float = math.nan
    chance_to_beat: float = math.nan
    expected_loss: float = math.nan
    detectable_lift: float = math.nan
    needed_count: float = math.nan
    unit_count: int = 0

    @property
    def is_known(self) -> bool:
        """Whether the figures allow one to say anything."""
        return math.isfinite(self.standard_error) and self.standard_error > 0

    @property
    def is_underpowered(self) -> bool:
        """Whether nothing was found, and a worthwhile lift would often have been missed."""
        return self.low <= 0 <= self.high and self.needed_count > self.unit_count


def compare(arm: Totals, baseline: Totals) -> Comparison:
    """Compare two arms; an empty `Comparison` when one has fewer than two units or nothing varies."""
    if min(arm.count, baseline.count) <= 1 or min(arm.weight, baseline.weight) <= 0:
        return Comparison()
    if not (arm.varies or baseline.varies):
        return Comparison(plain_lift=arm.mean - baseline.mean)
    both = (baseline.aggregates(), arm.aggregates())
    adjusted = _ratio_of_means(use_t=True).analyze_aggregates(*both)
    error, plain = _standard_error(adjusted, both), arm.mean - baseline.mean
    if not (math.isfinite(error) and error > 0):
        return Comparison(plain_lift=plain)
    lift, units = float(adjusted.effect_size), arm.count + baseline.count
    margin = sequential_margin(error, units)
    chance, loss = posterior(lift, error, PRIOR_SHARE * abs(baseline.mean))
    detectable = (Z_ALPHA + Z_POWER) * error
    wanted = WORTHWHILE_SHARE * abs(baseline.mean)
    return Comparison(
        lift=lift,
        low=float(adjusted.effect_size_ci_lower),
        high=float(adjusted.effect_size_ci_upper),
        p_value=float(adjusted.pvalue),
        plain_lift=plain,
        standard_error=error,
        sequential_low=lift - margin,
        sequential_high=lift + margin,
        sequential_p_value=sequential_p_value(lift, error, units),
        chance_to_beat=chance,
        expected_loss=loss,
        detectable_lift=detectable,
        needed_count=units * (detectable / wanted) ** 2 if wanted else math.nan,
        unit_count=units,
    )


def sequential_margin(standard_error: float, units: int, alpha: float = ALPHA) -> float:
    """Half the width of an asymptotic confidence sequence: it covers the truth at all looks together.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Time-uniform central limit theory and asymptotic
    confidence sequences, arXiv 2103.06476v7, equation 9.
    """
    tuned = _rho_squared(alpha)
    inside = 2 * (units * tuned + 1) / (units * units * tuned)
    deviation = standard_error * math.sqrt(units)
    return deviation * math.sqrt(inside * math.log(math.sqrt(units * tuned + 1) / alpha))


def sequential_p_value(lift: float, standard_error: float, units: int, alpha: float = ALPHA) -> float:
    """The p-value that may be looked at as often as one likes (same source, equation 155)."""
    tuned = _rho_squared(alpha)
    scaled = (lift / standard_error) ** 2
    exponent = units * tuned * scaled / (2 * (units * tuned + 1))
    return min(1.0, math.exp(0.5 * math.log(units * tuned + 1) - exponent))


def posterior(lift: float, standard_error: float, prior_deviation: float) -> tuple[float, float]:
    """Chance that a lift is positive, and the expected loss if it is not, after a normal prior around 0."""
    if prior_deviation > 0:
        weight = prior_deviation**2 / (prior_deviation**2 + standard_error**2)
        lift, standard_error = weight * lift, math.sqrt(weight) * standard_error
    ratio = lift / standard_error
    density = math.exp(-ratio * ratio / 2) / math.sqrt(2 * math.pi)
    chance = NORMAL.cdf(ratio)
    return chance, max(0.0, standard_error * density - lift * (1 - chance))


def sample_ratio_p_value(counts: list[int], shares: list[float]) -> float:
    """Pearson's chi-squared test of counts against the shares that were meant; 1 without counts."""
    from scipy.stats import chisquare  # noqa: PLC0415  (a second that every run would pay)

    total, whole = sum(counts), sum(shares)
    if not total or not whole or len(counts) == 1:
        return 1.0
    expected = [total * share / whole for share in shares]
    return float(chisquare(counts, expected).pvalue)


def _standard_error(result: Any, both: tuple[Aggregates, Aggregates]) -> float:  # noqa: ANN401
    if result.statistic and math.isfinite(result.statistic):
        return float(result.effect_size / result.statistic)
    even = _ratio_of_means(use_t=False).analyze_aggregates(*both)
    return float(even.effect_size_ci_upper - even.effect_size_ci_lower) / (2 * Z_ALPHA)


def _rho_squared(alpha: float) -> float:
    """Tuning for `SEQUENTIAL_OPTIMUM` units (same source, equation 161)."""
    return (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / SEQUENTIAL_OPTIMUM


def _product_order(column: str) -> int:
    """`before_value`, `before_weight`, `value_weight`: how the sums of products are named."""
    return ("before", "value", "weight").index(column)


@lru_cache(maxsize=2)
def _ratio_of_means(*, use_t: bool) -> Any:  # noqa: ANN401  (of tea-tasting, imported late)
    from tea_tasting.metrics.mean import RatioOfMeans  # noqa: PLC0415  (as above)

    return RatioOfMeans("value", "weight", "before", use_t=use_t, equal_var=False, confidence_level=1 - ALPHA)
