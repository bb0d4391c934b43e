select
    evaluations.model,
    evaluations.version,
    versions.trained_at,
    versions.cutoff,
    versions.judged_horizon_days,
    versions.customer_count,
    evaluations.contender,
    evaluations.contender = versions.contender as is_winner,
    versions.is_promoted,
    evaluations.figure,
    evaluations.value,
from {{ ref('stg_predictions__evaluations') }} as evaluations
inner join {{ ref('stg_predictions__versions') }} as versions
    on evaluations.model = versions.model and evaluations.version = versions.version
