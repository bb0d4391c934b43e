select profile_id
from {{ ref('consents') }}
where
    channel = 'email'
    and purpose = 'marketing'
    and status = 'subscribed'
