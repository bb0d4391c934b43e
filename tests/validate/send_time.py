"""Send time per person: simulated people whose habits are known, and when Online Retail's customers really order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pyarrow as pa

from tests.dbt.send_times import Nights, compile_send_times
from tests.validate.figures import SHARED, Effort, Figure, between

OF = "send time"
PEOPLE, DAYS, OWN_WEIGHT = 1_500, 200, 6.0
WRITES_AT = 10
NOW = datetime(2026, 3, 2)
BEGAN = np.datetime64(NOW, "s") - np.timedelta64(DAYS, "D")
EVALUATED = "select * from predictions.send_time_evaluations"
BY_ORDERS = """
insert into intermediate.int_orders
select cast(customer_id as text), min(invoice_date) from read_parquet(?)
where customer_id is not null and quantity > 0 and unit_price > 0 and invoice_no not like 'C%'
group by customer_id, invoice_no
"""


def habits(dice: np.random.Generator) -> np.ndarray:
    """Hours of everybody around nine and twenty, of each person near them (Dirichlet); a row per person."""
    hours = np.arange(24)
    everybody = 0.2 + 3 * np.exp(-((hours - 9) ** 2) / 8) + 4 * np.exp(-((hours - 20) ** 2) / 6)
    return dice.dirichlet(OWN_WEIGHT * everybody / everybody.sum(), PEOPLE)


def simulated(sql: dict[str, str], *, echo: float) -> tuple[Nights, np.ndarray]:
    """A shop that mails every Monday at ten; acts by habit, and by echo: answers at once, whoever one is."""
    dice = np.random.default_rng(11)
    truth = habits(dice)
    counts = dice.poisson(8, PEOPLE)
    people = np.repeat(np.arange(PEOPLE), counts)
    hours = np.concatenate([dice.choice(24, size, p=own) for own, size in zip(truth, counts, strict=True)])
    at = BEGAN + (dice.integers(0, DAYS, len(people)) * 86_400 + hours * 3_600).astype("timedelta64[s]")
    mondays = BEGAN + (np.arange(0, DAYS, 7) * 86_400 + WRITES_AT * 3_600).astype("timedelta64[s]")
    to, sent_at = np.repeat(np.arange(PEOPLE), len(mondays)), np.tile(mondays, PEOPLE)
    answers = dice.random(len(to)) < echo
    shop = Nights(sql)
    shop.has("sends.message_events", events("sent", to, sent_at))
    shop.has("sends.message_events", events("clicked", people, at + np.timedelta64(1800, "s")))
    shop.has(
        "sends.message_events", events("opened", to[answers], sent_at[answers] + np.timedelta64(300, "s"))
    )
    shop.knows_everybody()
    shop.passes(NOW)
    return shop, truth


def events(event: str, people: np.ndarray, at: np.ndarray) -> pa.Table:
    """Message events of people by number."""
    return pa.table(
        {
            "profile_id": [f"p{person}" for person in people],
            "event": [event] * len(people),
            "occurred_at": at.astype("datetime64[us]"),
            "is_machine": [False] * len(people),
        }
    )


def best_hours(shop: Nights) -> tuple[np.ndarray, np.ndarray]:
    """Everybody's chosen hour, in the order of the numbers of those who have one."""
    rows = shop.connection.sql(
        "select cast(substr(profile_id, 2) as int), best_hour from predictions.send_times order by 1"
    ).fetchall()
    people, hours = np.array(rows).T
    return people, hours


def reached(shop: Nights, truth: np.ndarray) -> tuple[float, float]:
    """Mean true share of people's activity in the chosen hour, and in the hour that is best for all."""
    people, hours = best_hours(shop)
    usual = truth.mean(axis=0).argmax()
    return float(truth[people, hours].mean()), float(truth[people, usual].mean())


def figures(effort: Effort) -> Iterator[Figure]:
    """The prior that was simulated, hold-out log-likelihoods, hours that were hit, and what mails echo."""
    sql = compile_send_times(effort.scratch / "send_time")
    plain, truth = simulated(sql, echo=0.0)
    weight = plain.row("select any_value(prior_weight) as k from intermediate.int_population_hours")["k"]
    yield Figure(OF, "simulated: prior weight k", weight, OWN_WEIGHT, 1.0, "as simulated")
    yield from likelihoods("simulated", plain)
    own, usual = reached(plain, truth)
    yield between(
        OF, "simulated: activity in the chosen / in everybody's best hour", own / usual, 1.2, 9, "truth"
    )
    loud, truth = simulated(sql, echo=0.3)
    _, hours = best_hours(loud)
    wrong, right = np.mean(hours == WRITES_AT), np.mean(truth.argmax(axis=1) == WRITES_AT)
    name = "mails answered at once: share sent to the hour of the mails"
    yield between(OF, name, float(wrong), 0, 2 * float(right), f"truth: {right:.3f}, times 2")
    echoed, _ = reached(loud, truth)
    yield between(
        OF, "mails answered at once: activity in the chosen hour", echoed / own, 0.85, 1.1, "without them"
    )
    retail = Nights(sql)
    retail.connection.execute(BY_ORDERS, [str(SHARED / "online_retail" / "online_retail.parquet")])
    retail.knows_everybody()
    retail.passes(datetime(2011, 12, 10))
    yield from likelihoods("Online Retail order hours", retail)


def likelihoods(shop: str, nights: Nights) -> Iterator[Figure]:
    """Personal less population, per act of the hold-out, in standard errors as well."""
    found = nights.row(EVALUATED)
    gain = found["personal_log_likelihood"] - found["population_log_likelihood"]
    name = f"{shop}: hold-out log-likelihood, personal - everybody's ({found['act_count']} acts)"
    yield between(OF, name, gain, 0.0, 5.0, "ML-2: better than the global best hour")
    yield between(
        OF, f"{shop}: the same in standard errors", gain / found["standard_error"], 2, 999, "clearly"
    )
