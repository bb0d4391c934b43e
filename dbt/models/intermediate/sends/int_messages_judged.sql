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

exits as (
    select * from {{ ref('int_flow_exits') }}
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

-- for people who were joined with others since the decision
joined as (
    select messages.message_id
    from messages
    inner join {{ ref('int_flow_identifiers') }} as identifiers
        on messages.person_id = identifiers.profile_id
        and messages.decided_at < identifiers.moved_at
),

-- the engine saw what happened before its decision; of whom it did not know yet to be the
-- same person, and when the project has changed, everything is looked at again
read_from as (
    select messages.decided_at as moment from messages
    union all
    select messages.exits_count_from as moment
    from messages
    where
        true
        {{ and_on_ticks('messages.message_id in (select joined.message_id from joined)') }}
),

recent_signals as (
    select * from {{ ref('int_profile_signals') }}
    where seen_at > (
        select coalesce(min(messages.decided_at), {{ ever_after() }}) from messages
    )
    union all
    select * from {{ ref('int_profile_signals') }}
    where occurred_at > (
        select coalesce(min(read_from.moment), {{ ever_after() }}) from read_from
    )
),

exited as (
    select distinct messages.message_id
    from messages
    inner join exits on messages.flow = exits.flow
    inner join recent_signals
        on messages.person_id = recent_signals.profile_id
        and exits.signal = recent_signals.signal
        and {{ is_exit('recent_signals.occurred_at', entry='messages') }}
    union
    -- of two entries of one person the other goes on
    select messages.message_id
    from messages
    inner join {{ ref('int_flow_log') }} as log
        on messages.flow = log.flow
        and messages.entry_id = log.entry_id
        and log.reason = 'merged'
    where log.logged_at > (
        select coalesce(min(messages.decided_at), {{ ever_after() }}) from messages
    )
    union
    -- nobody knows which of the two it was meant for
    select messages.message_id
    from messages
    inner join {{ ref('int_profiles_unlinked') }} as unlinked
        on messages.person_id = unlinked.profile_id
        and messages.entered_at between unlinked.linked_at and unlinked.unlinked_at
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
