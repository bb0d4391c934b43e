with

versions as (

    select * from {{ ref('stg_predictions__versions') }}

),

latest as (

    select * from versions
    qualify row_number() over (partition by model order by trained_at desc, version desc) = 1

),

in_use as (

    select * from versions
    where is_promoted
    qualify row_number() over (partition by model order by trained_at desc, version desc) = 1

),

scorings as (

    select * from {{ ref('stg_predictions__scorings') }}
    qualify row_number() over (partition by model order by scored_at desc) = 1

),

figures as (

    select
        model,
        version,
        contender,
        max(case when figure = 'brier' then value end) as brier,
        max(case when figure = 'calibration_error' then value end) as calibration_error,
        max(case when figure = 'auc' then value end) as auc,
        max(case when figure = 'mae' then value end) as mae,
        max(case when figure = 'poisson_deviance' then value end) as poisson_deviance,
    from {{ ref('stg_predictions__evaluations') }}
    group by model, version, contender

)

select
    latest.model,
    in_use.version,
    in_use.contender,
    in_use.horizon_days,
    in_use.judged_horizon_days,
    in_use.trained_at,
    in_use.customer_count as judged_count,
    ours.brier,
    means.brier as mean_brier,
    ours.calibration_error,
    ours.auc,
    ours.mae,
    means.mae as mean_mae,
    ours.poisson_deviance,
    means.poisson_deviance as mean_poisson_deviance,
    latest.trained_at as tried_at,
    latest.refusal,
    scorings.scored_at,
    scorings.customer_count as scored_count,
from latest
left join in_use on latest.model = in_use.model
left join scorings on latest.model = scorings.model
left join figures as ours
    on in_use.model = ours.model and in_use.version = ours.version and in_use.contender = ours.contender
left join figures as means
    on in_use.model = means.model and in_use.version = means.version and means.contender = 'mean'
