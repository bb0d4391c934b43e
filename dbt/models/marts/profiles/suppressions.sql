{{ config(materialized='view') }}

with

device_tokens as (

    select
        identifier_id,
        value as address,
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

),

by_address as (

    select
        channel,
        address,
        reason,
        is_suppressed,
        since,
        event_id,
    from {{ ref('int_suppressions') }}
    where address is not null

    union all

    select
        facts.channel,
        addresses.address,
        facts.reason,
        facts.is_suppressed,
        facts.since,
        facts.event_id,
    from {{ ref('int_suppressions') }} as facts
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on facts.identifier_id = identifiers.identifier_id
    inner join addresses
        on
            identifiers.profile_id = addresses.profile_id
            and (facts.channel = addresses.channel or facts.channel = '*')
            and facts.since >= addresses.first_seen_at
    where facts.address is null

),

latest as (

    select *
    from by_address
    qualify row_number() over (
        partition by channel, address, reason order by since desc, event_id desc
    ) = 1

),

strongest as (

    select
        channel,
        address,
        reason,
        since,
    from latest
    where is_suppressed
    qualify row_number() over (
        partition by channel, address
        order by
            case reason
                when 'complained' then 1
                when 'hard_bounced' then 2
                when 'unsubscribed' then 4
                else 3
            end,
            since,
            reason
    ) = 1

)

select * from strongest
