-- Does it work? Difference to the baseline with its 95 % interval, clear ones first.
select
    experiment,
    metric,
    arm,
    participant_count,
    rate,
    lift,
    lift_low,
    lift_high,
    lift_low > 0 or lift_high < 0 as is_clear,
from experiment_results
where lift is not null
order by is_clear desc, experiment, metric, arm
