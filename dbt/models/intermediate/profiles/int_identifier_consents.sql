{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['identifier_id', 'channel', 'purpose', 'status'],
) }}

with

events as (

    select *
    from {{ recent_events() }}
    where
        {{ is_new() }}
        and event_name in ('Subscribed', 'Unsubscribed')
        and identifier_id is not null

),

given as (

    select
        identifier_id,
        lower({{ json_text('properties', '$.channel') }}) as channel,
        coalesce({{ json_text('properties', '$.purpose') }}, 'marketing') as purpose,
        lower(event_name) as status,
        occurred_at as since,
        coalesce({{ json_text('properties', '$.source') }}, source) as source,
        {{ json_text('properties', '$.proof') }} as proof,
        event_id as consent_id,
        seen_at,
    from events

),

latest as (

    select *
    from given
    where channel is not null
    qualify row_number() over (
        partition by identifier_id, channel, purpose, status order by since desc, consent_id desc
    ) = 1

)

select latest.*
from latest
{%- if is_incremental() %}
left join {{ this }} as known
    on
        latest.identifier_id = known.identifier_id
        and latest.channel = known.channel
        and latest.purpose = known.purpose
        and latest.status = known.status
where
    known.identifier_id is null
    or (latest.since, latest.consent_id) > (known.since, known.consent_id)
{%- endif %}
