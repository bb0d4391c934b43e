{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['identifier_id', 'trait'],
) }}

{#- A device that is revoked and registered in one moment is revoked. trait: the keys of an identify call that mean it. -#}
{%- set keys = {
    'first_name': ['firstName', 'first_name'],
    'last_name': ['lastName', 'last_name'],
    'birthday': ['birthday'],
    'locale': ['locale'],
    'time_zone': ['timezone', 'time_zone'],
    'country': ['country', 'address.country'],
    'created_at': ['createdAt', 'created_at'],
} -%}

with

events as (

    select *
    from {{ recent_events() }}
    where {{ is_new() }} and identifier_id is not null

),

identified as (

    select * from events where event_type = 'identify'

),

contacts as (

    select * from events where message_id is null

),

own_traits as (

    select
        identified.identifier_id,
        own.member.key,
        cast(own.member.value as varchar) as value,
        identified.event_id,
        identified.occurred_at,
        identified.seen_at,
    from identified
    cross join unnest({{ json_members('identified.traits') }}) as own(member)

),

devices as (

    select
        *,
        {{ json_text('properties', '$.token') }} as token,
    from events
    where event_name in ('Device Registered', 'Device Revoked')

),

traits as (
    {% for trait, names in keys.items() %}
    select
        identifier_id,
        '{{ trait }}' as trait,
        coalesce(
            {%- for name in names %}
            {{ json_text('traits', '$.' ~ name) }}{{ ',' if not loop.last }}
            {%- endfor %},
            null
        ) as value,
        event_id,
        occurred_at,
        seen_at,
    from identified

    union all
    {% endfor %}
    {%- for trait in ['email', 'phone'] %}
    select
        identifier_id,
        '{{ trait }}' as trait,
        {{ trait }} as value,
        event_id,
        occurred_at,
        seen_at,
    from contacts

    union all
    {% endfor %}
    select
        identifier_id,
        'own/' || key as trait,
        value,
        event_id,
        occurred_at,
        seen_at,
    from own_traits
    where
        key not in (
            'email', 'phone'
            {%- for names in keys.values() %}{% for name in names %}, '{{ name }}'{% endfor %}{% endfor %}
        )

    union all

    select
        identifier_id,
        'push_token/' || token as trait,
        case when event_name = 'Device Registered' then token else '' end as value,
        event_id,
        occurred_at,
        seen_at,
    from devices

),

-- a zone that no clock knows says nothing, and takes nothing away
said as (

    select
        traits.identifier_id,
        traits.trait,
        coalesce(time_zones.time_zone, traits.value) as value,
        traits.event_id,
        traits.occurred_at,
        traits.seen_at,
    from traits
    left join {{ ref('time_zones') }} as time_zones
        on
            case when traits.trait = 'time_zone' then lower(trim(traits.value)) end
            = lower(time_zones.time_zone)
    where
        traits.value is not null
        and (traits.trait <> 'time_zone' or time_zones.time_zone is not null)

),

latest as (

    select *
    from said
    qualify row_number() over (
        partition by identifier_id, trait
        order by occurred_at desc, value = '' desc, event_id desc
    ) = 1

)

select latest.*
from latest
{%- if is_incremental() %}
left join {{ this }} as known
    on latest.identifier_id = known.identifier_id and latest.trait = known.trait
where
    known.identifier_id is null
    or (latest.occurred_at, latest.value = '', latest.event_id)
    > (known.occurred_at, known.value = '', known.event_id)
{%- endif %}
