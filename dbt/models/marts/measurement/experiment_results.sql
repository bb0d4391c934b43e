with

analyses as (

    select * from {{ source('raw_measurement', 'analyses') }}

),

latest as (

    select
        experiment,
        max(analysed_at) as analysed_at,
    from analyses
    group by experiment

)

select
    analyses.experiment,
    analyses.metric,
    analyses.arm,
    analyses.baseline_arm,
    analyses.unit_count,
    analyses.participant_count,
    analyses.mean,
    analyses.plain_lift,
    analyses.lift,
    analyses.low as lift_low,
    analyses.high as lift_high,
    analyses.p_value,
    analyses.sequential_low,
    analyses.sequential_high,
    analyses.sequential_p_value,
    analyses.chance_to_beat,
    analyses.expected_loss,
    analyses.detectable_lift,
    analyses.needed_count,
    analyses.sample_ratio_p_value,
    analyses.balance_p_value,
    analyses.decides,
    analyses.winner,
    analyses.reason,
    analyses.warning,
    analyses.first_at,
    analyses.last_at,
    analyses.analysed_at,
from analyses
inner join latest
    on
        analyses.experiment = latest.experiment
        and analyses.analysed_at = latest.analysed_at
