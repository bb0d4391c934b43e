select profile_id
from {{ ref('profiles') }}
where
    last_opened_at > {{ add_seconds(as_of(), '-30 * 86400') }}
    or last_clicked_at > {{ add_seconds(as_of(), '-30 * 86400') }}
