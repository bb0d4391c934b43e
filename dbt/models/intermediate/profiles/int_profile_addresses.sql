{#- Tables are named where they are read: DuckDB copies a whole import CTE that is read twice. -#}
with

device_tokens as (

    select
        identifier_id,
        lower(value) as address,
        occurred_at as first_seen_at,
    from {{ ref('int_identifier_traits') }}
    where trait like 'push_token/%' and value <> ''

),

addresses as (

    select
        profile_id,
        case identifier_type when 'email' then 'email' else 'sms' end as channel,
        identifier as address,
        first_seen_at,
    from {{ ref('int_identifier_profiles') }}
    where identifier_type in ('email', 'phone')

    union all

    select
        profile_id,
        'whatsapp' as channel,
        identifier as address,
        first_seen_at,
    from {{ ref('int_identifier_profiles') }}
    where identifier_type = 'phone'

    union all

    select
        identifiers.profile_id,
        'push' as channel,
        device_tokens.address,
        device_tokens.first_seen_at,
    from device_tokens
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on device_tokens.identifier_id = identifiers.identifier_id

)

select * from addresses
