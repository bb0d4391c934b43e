select
    model,
    version,
    decile,
    customer_count,
    predicted,
    actual,
    lift,
from {{ ref('stg_predictions__deciles') }}
