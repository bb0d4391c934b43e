{{ config(materialized='table', tags=['nightly']) }}

with

sent as (

    select
        profile_id as identifier_id,
        occurred_at,
        'sent' as kind,
        0.0 as trust,
    from {{ ref('message_events') }}
    where event = 'sent'

),

-- how much each says about when a person looks at messages
acts as (

    select
        profile_id as identifier_id,
        occurred_at,
        'reacted' as kind,
        1.0 as trust,
    from {{ ref('message_events') }}
    where event in ('opened', 'clicked') and not is_machine
    union all
    select
        identifier_id,
        ordered_at as occurred_at,
        'ordered' as kind,
        {{ var('send_time_order_weight') }} as trust,
    from {{ ref('int_orders') }}
    where ordered_at is not null
    union all
    select
        identifier_id,
        started_at as occurred_at,
        'visited' as kind,
        {{ var('send_time_visit_weight') }} as trust,
    from {{ ref('sessions') }}

),

moments as (

    select
        identifiers.profile_id,
        moments.occurred_at,
        moments.kind,
        moments.trust,
    from (
        select * from sent
        union all
        select * from acts
    ) as moments
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on moments.identifier_id = identifiers.identifier_id
    where
        identifiers.profile_id is not null
        and {{ in_last_days(
            'moments.occurred_at', var('send_time_memory_days'), as_of()
        ) }}

),

-- an answer that follows a message at once says when we wrote, not when a person reads
since_sent as (

    select
        *,
        max(case when kind = 'sent' then occurred_at end) over (
            partition by profile_id
            order by occurred_at, trust
            rows between unbounded preceding and current row
        ) as last_sent_at,
    from moments

),

delayed as (

    select
        *,
        coalesce(
            cast(floor({{ seconds_between('last_sent_at', 'occurred_at') }} / 3600) as integer), 24
        ) as hours_since_sent,
    from since_sent
    where kind != 'sent'

),

delays as (

    select
        hours_since_sent,
        count(*) as act_count,
    from delayed
    where hours_since_sent < 24
    group by hours_since_sent

),

quiet_level as (

    select
        coalesce(
            sum(case when hours_since_sent >= {{ var('send_time_echo_hours') }} then act_count end), 0
        ) / (24.0 - {{ var('send_time_echo_hours') }}) as act_count,
    from delays

),

echoes as (

    select
        delays.hours_since_sent,
        greatest(0.05, least(1, quiet_level.act_count / delays.act_count)) as trust,
    from delays
    cross join quiet_level
    where delays.hours_since_sent < {{ var('send_time_echo_hours') }}

),

weighed as (

    select
        delayed.profile_id,
        date_trunc('hour', delayed.occurred_at) as active_at,
        delayed.trust * coalesce(echoes.trust, 1) as weight,
    from delayed
    left join echoes on delayed.hours_since_sent = echoes.hours_since_sent

),

-- opening three mails in one go is one habit, not three
hours as (

    select
        profile_id,
        active_at,
        max(weight) as weight,
    from weighed
    group by profile_id, active_at

)

select
    hours.profile_id,
    hours.active_at,
    cast(extract(hour from {{ to_local(
        'hours.active_at', "coalesce(profiles.time_zone, '" ~ var('shop_time_zone') ~ "')"
    ) }}) as integer) as local_hour,
    cast(hours.weight as double) as weight,
from hours
left join {{ ref('profiles') }} as profiles on hours.profile_id = profiles.profile_id
