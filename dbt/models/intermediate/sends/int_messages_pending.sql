with

messages as (
    select * from {{ ref('int_message_candidates') }}
),

profiles as (
    select * from {{ ref('profiles') }}
),

identifiers as (
    select * from {{ ref('int_flow_identifiers') }}
),

-- nothing waits longer than a message lives
settled as (
    select distinct message_id
    from {{ send_decisions_so_far() }}
    where
        status in ('scheduled', 'skipped')
        and {{ may_be_pending('decided_at') }}
),

pending as (
    select
        messages.*,
        coalesce(identifiers.profile_id, messages.profile_id) as person_id,
    from messages
    left join settled on messages.message_id = settled.message_id
    left join identifiers on messages.profile_id = identifiers.identifier_id
    where
        settled.message_id is null
        and {{ may_be_pending('messages.decided_at') }}
)

select
    pending.*,
    case pending.channel
        when 'email' then lower(profiles.email)
        when 'sms' then profiles.phone
        when 'whatsapp' then profiles.phone
        when 'push' then profiles.push_token
        else pending.person_id
    end as address,
from pending
left join profiles on pending.person_id = profiles.profile_id
