select profile_id
from {{ ref('profiles') }}
where total_revenue - total_refunded >= {{ var('vip_minimum_revenue') }}
