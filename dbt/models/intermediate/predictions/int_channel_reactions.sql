{{ config(materialized='table', tags=['nightly']) }}

with

messages as (

    select
        events.message_id,
        max(identifiers.profile_id) as profile_id,
        max(events.channel) as channel,
        min(case when events.event = 'sent' then events.occurred_at end) as sent_at,
        max(case when events.event = 'clicked' and not events.is_machine then 1 else 0 end)
            as clicked,
        max(case when events.event in ('unsubscribed', 'complained') then 1 else 0 end)
            as refused,
    from {{ ref('message_events') }} as events
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on events.profile_id = identifiers.identifier_id
    where
        {{ in_last_days('events.occurred_at', var('channel_memory_days'), as_of()) }}
        and identifiers.profile_id is not null
        and events.channel in ('email', 'sms', 'whatsapp', 'push')
    group by events.message_id

),

weighed as (

    select
        *,
        {{ half_life_weight(
            seconds_between('sent_at', as_of()), var('fatigue_half_life_days')
        ) }} as recency,
    from messages
    where sent_at is not null

)

select
    profile_id,
    channel,
    cast(count(*) as double) as send_count,
    cast(sum(clicked) as double) as click_count,
    cast(sum(refused) as double) as refusal_count,
    sum(recency) as recent_sends,
    sum(recency * clicked) as recent_clicks,
from weighed
group by profile_id, channel
