select profile_id
from {{ ref('profiles') }}
where total_revenue >= {{ var('vip_minimum_revenue') }}
