select profile_id
from {{ ref('profiles') }}
where last_ordered_at <= {{ add_seconds(as_of(), '-90 * 86400') }}
