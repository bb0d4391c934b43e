"""Will a customer stay away for 90 days?"""

import polars as pl

from dagster_project.predictive.model import Model

CHURN = Model(
    name="churn_probability",
    kind="probability",
    horizon_days=90,
    description="Probability that a customer orders nothing in the next 90 days.",
    target=pl.col("next_purchases") == 0,
)
