{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='suppression_id',
) }}

{#- Latest word per address (or, without one, per person), channel and reason. Only an unsubscription can be
    taken back, by a later subscription, and a STOP by a START; a complaint or a hard bounce stays. On a tie the no
    counts. -#}
with

events as (

    select *
    from {{ recent_events() }}
    where
        {{ is_new() }}
        and event_name in (
            'Subscribed',
            'Unsubscribed',
            'Address Suppressed',
            'Email Bounced',
            'Email Marked as Spam',
            'SMS Failed',
            'Push Notification Failed',
            'WhatsApp Message Failed'
        )

),

facts as (

    select
        identifier_id,
        lower(coalesce(
            {{ json_text('properties', '$.channel') }},
            case
                when event_name like 'Email %' then 'email'
                when event_name like 'SMS %' then 'sms'
                when event_name like 'Push %' then 'push'
                when event_name like 'WhatsApp %' then 'whatsapp'
                else '*'
            end
        )) as channel,
        nullif(trim({{ json_text('properties', '$.address') }}), '') as stated_address,
        email,
        phone,
        case
            when event_name in ('Subscribed', 'Unsubscribed') then 'unsubscribed'
            when event_name = 'Email Marked as Spam' then 'complained'
            when event_name = 'Address Suppressed'
                then coalesce({{ json_text('properties', '$.reason') }}, 'manual')
            else 'hard_bounced'
        end as reason,
        event_name <> 'Subscribed' as is_suppressed,
        event_name in ('Subscribed', 'Unsubscribed')
        and coalesce({{ json_text('properties', '$.reason') }}, '') in ('stop', 'start')
            as is_text_reply,
        occurred_at as since,
        event_id,
        seen_at,
    from events
    where
        case
            when
                event_name in (
                    'Email Bounced',
                    'SMS Failed',
                    'Push Notification Failed',
                    'WhatsApp Message Failed'
                )
                then {{ json_text('properties', '$.bounce_type') }} = 'hard'
            when event_name in ('Subscribed', 'Unsubscribed')
                then coalesce({{ json_text('properties', '$.purpose') }}, 'marketing') = 'marketing'
            else true
        end

),

-- An address that the event does not state is one of the channel that it is about; otherwise the person is meant.
addressed as (

    select
        * exclude (stated_address, email, phone),
        case
            when channel = 'email' then lower(trim(coalesce(stated_address, email)))
            when channel in ('sms', 'whatsapp')
                then coalesce({{ normal_phone('stated_address') }}, phone)
            when channel = '*' and {{ looks_like_a_phone('stated_address') }}
                then {{ normal_phone('stated_address') }}
            else lower(trim(stated_address))
        end as address,
    from facts

),

-- STOP closes a number for every class of message, and START alone opens it again
words as (

    {% set columns = 'is_suppressed, since, event_id, seen_at' -%}
    select identifier_id, channel, address, reason, {{ columns }}
    from addressed

    union all

    select identifier_id, channel, address, 'stop' as reason, {{ columns }}
    from addressed
    where is_text_reply

),

identified as (

    select
        {{ hash_id(['coalesce(address, identifier_id)', 'channel', 'reason']) }}
            as suppression_id,
        *,
    from words
    where coalesce(address, identifier_id) is not null

),

latest as (

    select *
    from identified
    qualify row_number() over (
        partition by suppression_id order by since desc, is_suppressed desc, event_id desc
    ) = 1

)

select latest.*
from latest
{%- if is_incremental() %}
left join {{ this }} as known on latest.suppression_id = known.suppression_id
where
    known.suppression_id is null
    or (latest.since, latest.is_suppressed, latest.event_id)
    > (known.since, known.is_suppressed, known.event_id)
{%- endif %}
