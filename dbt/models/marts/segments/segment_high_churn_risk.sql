select profile_id
from {{ ref('profiles') }}
where
    coalesce(
        case
            when scored_at >= last_ordered_at
                then churn_probability >= {{ var('high_churn_probability') }}
        end,
        order_count >= 2
        and {{ add_seconds('last_ordered_at', 'greatest(60, 2 * average_days_between_orders) * 86400') }}
        <= {{ as_of() }}
    )
