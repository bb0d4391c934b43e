"""Off-policy evaluation against truth: Hillstrom's e-mails, and simulated bandit logs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dagster_project.measurement.policies import Logged, PolicyValue, choose, evaluate_policy
from tests.validate.figures import Effort, Figure, between
from tests.validate.hillstrom import MENS, NONE, WOMENS, customers

OF = "off-policy"
ARMS = (NONE, MENS, WOMENS)
DECISIONS, GROUPS = 2_000, 4


def hillstrom_log(metric: str) -> Logged:
    """The experiment as a log: three arms, each with a chance of one third; groups by what people bought before."""
    table = customers()
    groups = 2 * table["mens"].astype(int) + table["womens"].astype(int)
    taken = np.array([ARMS.index(arm) for arm in table["segment"]])
    return Logged(ARMS, groups, taken, np.full(len(taken), 1 / 3), table[metric].astype(float))


def by_taste(logged: Logged) -> np.ndarray:
    """Men's things to who bought them, and only them or both; women's things to the others."""
    return np.where(logged.groups >= 2, ARMS.index(MENS), ARMS.index(WOMENS))


def on_policy(logged: Logged, wanted: np.ndarray) -> tuple[float, float]:
    """Mean reward of who by chance got what the policy says, group by group, and its standard error."""
    mean = variance = 0.0
    for group in np.unique(logged.groups):
        members = logged.groups == group
        got = logged.rewards[members & (logged.taken == wanted)]
        share = members.mean()
        mean += share * got.mean()
        variance += share**2 * got.var(ddof=1) / len(got)
    return mean, math.sqrt(variance)


def simulated(seed: int) -> tuple[PolicyValue, float]:
    """A bandit log with shares that differ by group; a policy that takes what is best, and its true value."""
    dice = np.random.default_rng(seed)
    groups = dice.integers(0, GROUPS, DECISIONS)
    shares = dice.dirichlet((3.0, 2.0, 1.5), GROUPS) * 0.85 + 0.05
    rates = dice.uniform(0.05, 0.5, (GROUPS, 3))
    taken = (dice.random(DECISIONS)[:, None] > shares.cumsum(axis=1)[groups]).sum(axis=1).clip(max=2)
    rewards = (dice.random(DECISIONS) < rates[groups, taken]).astype(float)
    logged = Logged(ARMS, groups, taken, shares[groups, taken], rewards)
    best = rates.argmax(axis=1)
    truth = float(rates[np.arange(GROUPS), best].mean())
    return evaluate_policy(logged, choose(best[groups], 3)), truth


def figures(effort: Effort) -> Iterator[Figure]:
    """A policy on Hillstrom beside those who by chance got it; coverage and bias where the truth is known."""
    for metric, scale in (("visit", 100.0), ("spend", 1.0)):
        logged = hillstrom_log(metric)
        wanted = by_taste(logged)
        value, (truth, error) = evaluate_policy(logged, choose(wanted, 3)), on_policy(logged, wanted)
        for name, estimate in (("IPS", value.ips), ("SNIPS", value.snips), ("DR", value.dr)):
            yield Figure(
                OF,
                f"Hillstrom, {metric} by taste, {name}",
                scale * estimate.value,
                scale * truth,
                scale * error,
                "those who got it, 1 s.e.",
            )
        for position, arm in enumerate(ARMS):
            alone = evaluate_policy(logged, choose(np.full(len(logged), position), 3)).snips.value
            mean = logged.rewards[logged.taken == position].mean()
            name = f"Hillstrom, {metric}, {arm} to all, SNIPS"
            yield Figure(OF, name, scale * alone, scale * mean, 1e-9, "the arm's mean")
    found = [simulated(seed) for seed in range(5 * effort.seeds)]
    width = 2.6 * math.sqrt(0.05 * 0.95 / len(found))
    for name in ("ips", "snips", "dr"):
        estimates = [(getattr(value, name), truth) for value, truth in found]
        covered = np.mean([estimate.low <= truth <= estimate.high for estimate, truth in estimates])
        source = "95 % by definition, less 1 % for normal intervals"
        yield between(OF, f"simulated, {name}: coverage", covered, 0.94 - width, 0.95 + width, source)
        off = [estimate.value - truth for estimate, truth in estimates]
        noise = 3 * float(np.std(off)) / math.sqrt(len(off))
        yield Figure(OF, f"simulated, {name}: bias", float(np.mean(off)), 0.0, noise, "3 s.e.")
    ratio = np.mean([(v.dr.high - v.dr.low) / (v.ips.high - v.ips.low) for v, _ in found])
    yield between(OF, "simulated, width of DR / IPS", float(ratio), 0.0, 0.95, "DR is narrower")
