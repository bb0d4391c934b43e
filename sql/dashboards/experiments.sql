-- Does it work? Lift over the baseline with the interval that holds at every look, the deciding metric first.
select
    experiment,
    metric,
    arm,
    unit_count,
    mean,
    lift,
    sequential_low,
    sequential_high,
    chance_to_beat,
    coalesce(winner, 'none yet') as winner,
    reason,
    warning,
from experiment_results
where lift is not null or warning is not null
order by experiment, decides desc, metric, arm
