select profile_id
from {{ ref('profiles') }}
where
    greatest(last_opened_at, last_clicked_at)
    > {{ add_seconds(as_of(), '-30 * 86400') }}
