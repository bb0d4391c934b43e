"""The tables of `raw_predictions`: what Python predicts, for dbt to read.

`scores` holds the latest scoring alone, of all who were ever scored; nulls for who has no order any more.
What remains of earlier ones is a row per model in `scorings`. Rows of it and of `drift` are dropped after
`HISTORY`; the other tables grow by one version per model and training.
"""

from __future__ import annotations

from datetime import timedelta

HISTORY = timedelta(days=400)

PREDICTION_TABLES = {
    "raw_predictions.scores": """
        profile_id text, churn_probability double, expected_revenue_90_days double, expected_revenue_365_days
        double, days_to_next_order double, scored_at timestamp""",
    "raw_predictions.scorings": """
        model text, scored_at timestamp, version text, reason text, customer_count bigint, mean double,
        p10 double, median double, p90 double""",
    "raw_predictions.drift": """
        model text, scored_at timestamp, name text, stability_index double""",
    "raw_predictions.versions": """
        model text, version text, contender text, trained_at timestamp, cutoff timestamp, horizon_days bigint,
        judged_horizon_days bigint, customer_count bigint, is_promoted boolean, refusal text, leaking_features
        text, file_hash text""",
    "raw_predictions.evaluations": """
        model text, version text, contender text, figure text, value double""",
    "raw_predictions.deciles": """
        model text, version text, decile bigint, customer_count bigint, predicted double, actual double, lift
        double""",
}
"""A column of `scores` per model, named like it."""
