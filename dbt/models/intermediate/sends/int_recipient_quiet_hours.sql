with

profiles as (
    select * from {{ ref('profiles') }}
),

quiet_hours as (
    select * from {{ ref('quiet_hours') }}
),

country_time_zones as (
    select * from {{ ref('country_time_zones') }}
),

kinds as (
    select distinct
        channel,
        message_class,
    from quiet_hours
),

countries_with_rules as (
    select distinct
        country,
        channel,
        message_class,
    from quiet_hours
)

-- an unknown zone may be any of the country's, an unknown country is the shop's
select
    profiles.profile_id,
    quiet_hours.channel,
    quiet_hours.message_class,
    quiet_hours.starts_at,
    quiet_hours.ends_at,
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
from profiles
cross join kinds
left join countries_with_rules
    on profiles.country = countries_with_rules.country
    and kinds.channel = countries_with_rules.channel
    and kinds.message_class = countries_with_rules.message_class
inner join quiet_hours
    on kinds.channel = quiet_hours.channel
    and kinds.message_class = quiet_hours.message_class
    and coalesce(countries_with_rules.country, '*') = quiet_hours.country
left join country_time_zones on profiles.country = country_time_zones.country
