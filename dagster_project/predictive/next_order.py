"""When will a customer order next?"""

import polars as pl

from dagster_project.predictive.model import Model

NEXT_ORDER = Model(
    name="days_to_next_order",
    kind="days",
    horizon_days=90,
    description="Days until the next order of a customer who will order within 90 days.",
    target=(pl.col("next_ordered_at") - pl.col("as_of")).dt.total_seconds() / 86_400,
    asked_of=pl.col("next_purchases") > 0,
)
