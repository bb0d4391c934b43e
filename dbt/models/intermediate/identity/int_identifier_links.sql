{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['identifier_id', 'linked_identifier_id'],
) }}

with

events as (

    select * from {{ recent_events() }} where {{ is_new() }}

),

sightings as (

    select
        user_id,
        email,
        phone,
        anonymous_id,
        min(occurred_at) as linked_at,
        {{ first_by('event_id', 'occurred_at', 'event_id') }} as event_id,
        max(seen_at) as seen_at,
    from events
    group by user_id, email, phone, anonymous_id

),

identified as (

    select
        *,
        coalesce(
            {{ identifier_id('user_id', 'user_id') }},
            {{ identifier_id('email', 'email') }},
            {{ identifier_id('phone', 'phone') }},
            {{ identifier_id('anonymous_id', 'anonymous_id') }}
        ) as strongest_identifier_id,
    from sightings

),

pairs as (
    {% for type in ['user_id', 'email', 'phone', 'anonymous_id'] %}
    select
        {{ identifier_id(type, type) }} as identifier_id,
        '{{ type }}' as identifier_type,
        {{ type }} as identifier,
        strongest_identifier_id as linked_identifier_id,
        event_id,
        linked_at,
        seen_at,
    from identified
    where {{ type }} is not null
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}

),

earliest as (

    select *
    from pairs
    qualify row_number() over (
        partition by identifier_id, linked_identifier_id order by linked_at, event_id
    ) = 1

)

select earliest.*
from earliest
{%- if is_incremental() %}
left join {{ this }} as known
    on
        earliest.identifier_id = known.identifier_id
        and earliest.linked_identifier_id = known.linked_identifier_id
where
    known.identifier_id is null
    or (earliest.linked_at, earliest.event_id) < (known.linked_at, known.event_id)
{%- endif %}
