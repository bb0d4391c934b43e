with

messages as (
    select * from {{ ref('int_messages_pending') }}
),

quiet as (
    select * from {{ ref('int_messages_quieted') }}
),

flows as (
    select * from {{ ref('stg_flows__flows') }}
),

classes as (
    select * from {{ ref('message_classes') }}
),

consents as (
    select * from {{ ref('consents') }}
),

suppressions as (
    select * from {{ ref('suppressions') }}
),

-- the engine saw what happened before its decision
exited as (
    {{ exited_messages('messages', known_at='decided_at') }}
),

-- an unsubscription is from news, other classes have consents of their own; who bounced,
-- complained or answered STOP gets nothing
suppressed as (
    select distinct messages.message_id
    from messages
    inner join suppressions
        on lower(messages.address) = suppressions.address
        and suppressions.channel in (messages.channel, '*')
    where
        messages.message_class = 'marketing'
        or suppressions.reason != 'unsubscribed'
),

feed as (
    select count(*) = 0 as is_stale
    from {{ ref('int_events') }}
    where
        seen_at > {{ hours_ago(var('consent_stale_after_hours')) }}
        and received_at > {{ hours_ago(var('consent_stale_after_hours')) }}
        and coalesce(source, '') not in ('delivery', 'identity')
),

judged as (
    select
        messages.*,
        consents.consent_id,
        case
            when messages.held_out then 'held_out'
            when flows.flow is null then 'flow_removed'
            when exited.message_id is not null then 'exited'
            when messages.due_at > {{ as_of() }} then 'not_yet_due'
            when messages.action != 'send' then null
            when messages.address is null then 'no_address'
            when suppressed.message_id is not null then 'suppressed'
            when
                classes.consent = 'subscribed'
                and coalesce(consents.status, 'none') != 'subscribed'
                then 'no_consent'
            when
                classes.consent = 'unless_unsubscribed'
                and consents.status = 'unsubscribed'
                then 'no_consent'
            when classes.consent = 'subscribed' and feed.is_stale
                then 'consent_feed_stale'
            when messages.expires_at <= {{ as_of() }} then 'too_late'
            when quiet.message_id is not null then 'quiet_hours'
        end as reason,
    from messages
    cross join feed
    inner join classes on messages.message_class = classes.message_class
    left join flows on messages.flow = flows.flow
    left join exited on messages.message_id = exited.message_id
    left join suppressed on messages.message_id = suppressed.message_id
    left join quiet on messages.message_id = quiet.message_id
    left join consents
        on messages.person_id = consents.profile_id
        and messages.channel = consents.channel
        and messages.message_class = consents.purpose
)

select
    *,
    case
        when reason is null then 'scheduled'
        when
            reason in ('not_yet_due', 'consent_feed_stale', 'quiet_hours')
            and expires_at > {{ as_of() }}
            then 'deferred'
        else 'skipped'
    end as status,
from judged
