select
    message_id,
    kind,
    flow,
    step,
    entry_id,
    profile_id,
    channel,
    address,
    template,
    variant,
    class as message_class,
    priority,
    decided_at,
    due_at,
    expires_at,
    consent_id,
    cast('[]' as json) as exit_signals,
    cast('[]' as json) as identifiers,
    cast('{}' as json) as context,
from {{ ref('send_list') }}
where
    status = 'scheduled'
    and due_at <= {{ as_of() }}
    and expires_at > {{ as_of() }}
