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

countries as (
    select country from country_time_zones
    union
    select country from quiet_hours
),

own_rules as (
    select distinct
        country,
        channel,
        message_class,
    from quiet_hours
),

-- a country without rules of its own for a channel and class has the general ones
rules as (
    select
        countries.country,
        quiet_hours.channel,
        quiet_hours.message_class,
        quiet_hours.starts_at,
        quiet_hours.ends_at,
    from countries
    cross join quiet_hours
    left join own_rules
        on countries.country = own_rules.country
        and quiet_hours.channel = own_rules.channel
        and quiet_hours.message_class = own_rules.message_class
    where quiet_hours.country = coalesce(own_rules.country, '*')
),

-- an unknown zone may be any of the country's, an unknown country is the shop's
recipients as (
    select
        profiles.profile_id,
        coalesce(countries.country, '*') as country,
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
    left join countries on profiles.country = countries.country
    left join country_time_zones on profiles.country = country_time_zones.country
)

select
    recipients.profile_id,
    rules.channel,
    rules.message_class,
    rules.starts_at,
    rules.ends_at,
    recipients.first_time_zone,
    recipients.last_time_zone,
from recipients
inner join rules on recipients.country = rules.country
