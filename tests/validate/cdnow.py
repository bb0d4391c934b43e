"""CDNOW: the sample of 2,357 buyers on which BG/NBD and Gamma-Gamma were published, 39 weeks and 39 ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import duckdb
import numpy as np
import polars as pl

from dagster_project.predictive.bg_nbd import History, fit_bg_nbd
from dagster_project.predictive.gamma_gamma import fit_gamma_gamma
from tests.validate.figures import SHARED, Effort, Figure

FOLDER = SHARED / "cdnow"
CUTOFF, WEEK, WEEKS_AHEAD = datetime(1997, 10, 1), 7, 39
OF = "CDNOW"
PAPER, NOTE = "Fader, Hardie & Lee 2005", "Fader & Hardie 2013"
MOST_REPEATS = 7
"""The paper's last group: seven or more."""


def customers() -> pl.DataFrame:
    """One row per buyer: repeats, recency and age in weeks, mean value of a repeat, purchases in the hold-out."""
    return duckdb.sql(f"""
        with days as (
            select sample_id, date, sum(spend) as spend,
                row_number() over (partition by sample_id order by date) as place
            from '{FOLDER}/cdnow_sample.csv' group by sample_id, date)
        select
            sample_id,
            count(*) filter (where date < '{CUTOFF}') - 1e0 as repeats,
            date_diff('day', min(date), max(date) filter (where date < '{CUTOFF}')) / {WEEK} as recency,
            (date_diff('day', min(date), '{CUTOFF}'::date) - 1) / {WEEK} as age,
            coalesce(avg(spend) filter (where date < '{CUTOFF}' and place > 1), 0) as mean_value,
            count(*) filter (where date >= '{CUTOFF}') as afterwards
        from days group by sample_id order by sample_id""").pl()


def figures(_: Effort) -> Iterator[Figure]:
    """Estimates, likelihoods, and the fit to the 39 weeks that the models have not seen."""
    published = json.loads((FOLDER / "reproduced_fit.json").read_text())
    known = customers()
    past = History(*(known[name].to_numpy() for name in ("repeats", "recency", "age")))
    model = fit_bg_nbd(past)
    for name in ("r", "alpha", "a", "b"):
        yield Figure(OF, f"BG/NBD {name}", getattr(model, name), published["bgnbd"][name], 1e-4, PAPER)
    yield Figure(OF, "BG/NBD log-likelihood", model.log_likelihood, published["bgnbd"]["LL"], 1e-3, PAPER)
    money = fit_gamma_gamma(past.repeats, known["mean_value"].to_numpy())
    for name in ("p", "q", "v"):
        expected = published["gg_recomputed"][name]
        yield Figure(OF, f"Gamma-Gamma {name}", getattr(money, name), expected, 1e-3, NOTE)
    expected, actual = model.expected_purchases(past, WEEKS_AHEAD), known["afterwards"].to_numpy()
    holdout = published["holdout"]
    yield Figure(OF, "purchases in the hold-out, forecast", expected.sum(), holdout["bg"], 0.01, PAPER)
    yield Figure(OF, "purchases in the hold-out, actual", actual.sum(), holdout["actual"], 0, PAPER)
    correlation = np.corrcoef(expected, actual)[0, 1]
    yield Figure(OF, "correlation in the hold-out", correlation, holdout["corr_bg"], 1e-4, PAPER)
    yield Figure(OF, "… beside Pareto/NBD", correlation, holdout["corr_pn"], 0.01, PAPER)
    for group in published["by_frequency"]:
        members = np.minimum(past.repeats, MOST_REPEATS) == group["x"]
        name = f"forecast of {int(group['x'])}{'+' * (group['x'] == MOST_REPEATS)} repeats"
        yield Figure(OF, name, expected[members].mean(), group["bg"], 1e-3, PAPER)
