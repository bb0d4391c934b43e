"""Lift over a hold-out, with an interval that is honest about small groups."""

from __future__ import annotations

import math

import pytest

from dagster_project.measurement.lift import Group, hold_out_lifts, measure_lift


@pytest.mark.parametrize(
    ("treated", "held_out", "low", "high"),
    [
        (Group(70, 56), Group(80, 48), 0.0524, 0.3339),
        (Group(10, 9), Group(10, 3), 0.1705, 0.8090),
        (Group(56, 5), Group(29, 0), -0.0381, 0.1926),
        (Group(10, 10), Group(20, 0), 0.6791, 1.0000),
    ],
)
def test_intervals_are_those_that_newcombe_published(treated, held_out, low, high):
    lift = measure_lift(treated, held_out)
    assert (lift.low, lift.high) == pytest.approx((low, high), abs=5e-5)


def test_a_difference_that_chance_could_make_is_not_called_clear():
    assert measure_lift(Group(900, 99), Group(100, 10)).note == (
        "not clear: groups of this size show differences from 9.2 points"
    )
    assert measure_lift(Group(9000, 990), Group(1000, 50)).note == "clear at 95 %"


def test_a_flow_that_held_nobody_out_has_no_lift_to_show():
    lift = measure_lift(Group(50, 5), Group(0, 0))
    assert (lift.note, lift.is_significant, math.isnan(lift.difference)) == (
        "no hold-out to compare with",
        False,
        True,
    )


def test_more_conversions_than_people_are_refused():
    with pytest.raises(ValueError, match="3 conversions of 2 participants"):
        Group(2, 3)


def test_lifts_of_flows_are_read_from_the_experiment_results():
    rows = [
        {
            "experiment": experiment,
            "metric": metric,
            "arm": arm,
            "participant_count": count,
            "success_count": 5,
        }
        for experiment, metric, arm, count in [
            ("flow_x.hold_out", "converted", "treated", 50),
            ("flow_x.hold_out", "converted", "held_out", 20),
            ("flow_x.reminder", "converted", "plain", 70),
            ("flow_y.hold_out", "converted", "treated", 60),
        ]
    ]
    assert {flow: lift.difference for flow, lift in hold_out_lifts(rows).items()} == {
        "flow_x": pytest.approx(5 / 50 - 5 / 20)
    }
