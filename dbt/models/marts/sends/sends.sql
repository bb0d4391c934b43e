{%- set moments = {
    'sent': 'sent_at', 'delivered': 'delivered_at', 'opened': 'opened_at',
    'clicked': 'clicked_at', 'bounced': 'bounced_at', 'complained': 'complained_at',
    'unsubscribed': 'unsubscribed_at', 'rejected': 'rejected_at', 'skipped': 'skipped_at',
    'unknown': 'unknown_at',
} %}
with

new_events as (

    select * from {{ ref('message_events') }}
    where {{ is_new() }}

),

happened as (

    select
        message_id,
        max(profile_id) as profile_id,
        max(channel) as channel,
        max(provider) as provider,
        max(provider_message_id) as provider_message_id,
        max(reason) as reason,
        {% for event, moment in moments.items() -%}
        min(occurred_at) filter (
            where event = '{{ event }}' and not is_machine
        ) as {{ moment }},
        {% endfor -%}
        max(seen_at) as seen_at,
    from new_events
    group by message_id

),

{% if is_incremental() -%}
known as (

    select * from {{ this }}
    where message_id in (select message_id from happened)

),

{% endif -%}
combined as (

    select * from happened
    {% if is_incremental() -%}
    union all
    select
        message_id,
        profile_id,
        channel,
        provider,
        provider_message_id,
        reason,
        {% for moment in moments.values() -%}
        {{ moment }},
        {% endfor -%}
        seen_at,
    from known
    {%- endif %}

),

messages as (

    select
        message_id,
        max(profile_id) as profile_id,
        max(channel) as channel,
        max(provider) as provider,
        max(provider_message_id) as provider_message_id,
        max(reason) as reason,
        {% for moment in moments.values() -%}
        min({{ moment }}) as {{ moment }},
        {% endfor -%}
        max(seen_at) as seen_at,
    from combined
    group by message_id

),

scheduled as (

    select
        message_id,
        decided_at,
        consent_id,
    from {{ ref('int_send_decisions') }}
    where
        status = 'scheduled'
        and message_id in (select happened.message_id from happened)

),

-- the bounds spare hashing the ids of all decisions ever made
described as (

    select
        candidates.message_id,
        candidates.flow,
        candidates.step,
        candidates.entry_id,
        candidates.template,
        candidates.variant,
        candidates.message_class,
        candidates.decided_at,
        scheduled.consent_id,
    from {{ ref('int_message_candidates') }} as candidates
    inner join scheduled on candidates.message_id = scheduled.message_id
    where
        candidates.decided_at >= (select min(first.decided_at) from scheduled as first)
        and candidates.decided_at <= (select max(last.decided_at) from scheduled as last)

)

select
    messages.message_id,
    described.flow,
    described.step,
    described.entry_id,
    messages.channel,
    described.template,
    described.variant,
    described.message_class,
    messages.profile_id,
    messages.provider,
    messages.provider_message_id,
    case
        when messages.complained_at is not null then 'complained'
        when messages.bounced_at is not null then 'bounced'
        -- a dead letter that was replayed is sent after all
        when
            messages.rejected_at is not null
            and coalesce(messages.sent_at <= messages.rejected_at, true)
            then 'rejected'
        when messages.delivered_at is not null then 'delivered'
        when messages.skipped_at is not null then 'skipped'
        when messages.sent_at is null and messages.unknown_at is not null then 'unknown'
        else 'sent'
    end as status,
    messages.reason,
    described.decided_at,
    {% for moment in moments.values() -%}
    messages.{{ moment }},
    {% endfor -%}
    described.consent_id,
    messages.seen_at,
from messages
left join described on messages.message_id = described.message_id
