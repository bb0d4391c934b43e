"""What will a customer spend?"""

import polars as pl

from dagster_project.predictive.model import Model

SPEND_90 = Model(
    name="expected_revenue_90_days",
    kind="money",
    horizon_days=90,
    description="Revenue expected from a customer in the next 90 days, before refunds.",
    target=pl.col("next_revenue"),
)

SPEND_365 = Model(
    name="expected_revenue_365_days",
    kind="money",
    horizon_days=365,
    description="Revenue expected from a customer in the next 365 days, before refunds.",
    target=pl.col("next_revenue"),
    extrapolated_from_days=90,
)
