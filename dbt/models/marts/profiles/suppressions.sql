{#- What closes an address first, then only such words as may open one of those again: everybody who ever subscribed
    has said such a word. Tables are named where they are read: DuckDB copies a whole import CTE that is read twice. -#}
with

closed as (

    select
        channel,
        address,
        reason,
        since,
        event_id,
    from {{ ref('int_suppressions') }}
    where is_suppressed and address is not null

    union all

    select
        facts.channel,
        addresses.address,
        facts.reason,
        facts.since,
        facts.event_id,
    from {{ ref('int_suppressions') }} as facts
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on facts.identifier_id = identifiers.identifier_id
    inner join {{ ref('int_profile_addresses') }} as addresses
        on
            identifiers.profile_id = addresses.profile_id
            and (facts.channel = addresses.channel or facts.channel = '*')
            and facts.since >= addresses.first_seen_at
    where facts.is_suppressed and facts.address is null

),

owners as (

    select
        addresses.profile_id,
        addresses.channel,
        addresses.address,
        addresses.first_seen_at,
    from {{ ref('int_profile_addresses') }} as addresses
    where addresses.address in (select closed.address from closed)

),

opened as (

    select
        facts.channel,
        facts.address,
        facts.reason,
        facts.since,
        facts.event_id,
    from {{ ref('int_suppressions') }} as facts
    where
        not facts.is_suppressed
        and facts.address in (select closed.address from closed)

    union all

    select
        facts.channel,
        owners.address,
        facts.reason,
        facts.since,
        facts.event_id,
    from owners
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on owners.profile_id = identifiers.profile_id
    inner join {{ ref('int_suppressions') }} as facts
        on
            identifiers.identifier_id = facts.identifier_id
            and (facts.channel = owners.channel or facts.channel = '*')
            and facts.since >= owners.first_seen_at
    where not facts.is_suppressed and facts.address is null

),

words as (

    select *, true as is_suppressed from closed
    union all
    select *, false as is_suppressed from opened

),

latest as (

    select *
    from words
    qualify row_number() over (
        partition by channel, address, reason order by since desc, is_suppressed desc, event_id desc
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
