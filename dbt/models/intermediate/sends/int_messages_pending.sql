with

messages as (
    select * from {{ ref('int_message_candidates') }}
),

classes as (
    select * from {{ ref('message_classes') }}
),

profiles as (
    select * from {{ ref('profiles') }}
),

identifiers as (
    select * from {{ ref('profile_identifiers') }}
),

country_time_zones as (
    select * from {{ ref('country_time_zones') }}
),

-- nothing waits longer than a message lives
settled as (
    select distinct message_id
    from {{ send_decisions_so_far() }}
    where
        status in ('scheduled', 'skipped')
        and {{ may_be_pending('decided_at') }}
),

pending as (
    select
        messages.*,
        coalesce(identifiers.profile_id, messages.profile_id) as person_id,
    from messages
    left join settled on messages.message_id = settled.message_id
    left join identifiers on messages.profile_id = identifiers.identifier_id
    where
        settled.message_id is null
        and {{ may_be_pending('messages.decided_at') }}
)

select
    pending.*,
    case pending.channel
        when 'email' then lower(profiles.email)
        when 'sms' then profiles.phone
        when 'push' then profiles.push_token
        else pending.person_id
    end as address,
    profiles.country,
    -- an unknown zone may be any of the country's, an unknown country is the shop's
    coalesce(
        profiles.time_zone,
        country_time_zones.first_time_zone,
        '{{ var("shop_time_zone") }}'
    ) as first_time_zone,
    coalesce(
        profiles.time_zone,
        country_time_zones.last_time_zone,
        '{{ var("shop_time_zone") }}'
    ) as last_time_zone,
from pending
left join profiles on pending.person_id = profiles.profile_id
left join country_time_zones on profiles.country = country_time_zones.country
