"""The tables of `raw_measurement`: what Python works out, for dbt to read. All append-only."""

from __future__ import annotations

MEASUREMENT_TABLES = {
    "raw_measurement.allocations": """
        flow text, step text, arm text, replaces_from double, replaces_to double, share_from double,
        share_to double, kind text, reason text, decided_at timestamp""",
    "raw_measurement.analyses": """
        experiment text, metric text, arm text, baseline_arm text, unit_count bigint, participant_count
        bigint, mean double, plain_lift double, lift double, low double, high double, p_value double,
        sequential_low double, sequential_high double, sequential_p_value double, chance_to_beat double,
        expected_loss double, detectable_lift double, needed_count double, sample_ratio_p_value double,
        balance_p_value double, decides boolean, winner text, reason text, warning text, first_at timestamp,
        last_at timestamp, analysed_at timestamp""",
    "raw_measurement.credits": """
        dimension text, name text, model text, order_count double, revenue decimal(18, 2), analysed_at
        timestamp""",
}
