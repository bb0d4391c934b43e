with

drift as (

    select
        model,
        scored_at,
        max(stability_index) as largest_drift,
        max(case when name = 'score' then stability_index end) as score_drift,
        {{ last_by('name', 'stability_index', 'name') }} as most_drifted,
    from {{ ref('stg_predictions__drift') }}
    group by model, scored_at

)

select
    scorings.model,
    scorings.scored_at,
    scorings.version,
    scorings.reason,
    scorings.customer_count,
    scorings.mean,
    scorings.p10,
    scorings.median,
    scorings.p90,
    drift.score_drift,
    drift.largest_drift,
    drift.most_drifted,
from {{ ref('stg_predictions__scorings') }} as scorings
left join drift on scorings.model = drift.model and scorings.scored_at = drift.scored_at
