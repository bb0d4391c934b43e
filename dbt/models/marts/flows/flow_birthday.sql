with

profiles as (

    select * from {{ ref('profiles') }}

),

-- one year, or two around New Year
years as (

    select date_part('year', {{ add_seconds(as_of(), -3 * 86400) }}) as calendar_year
    union
    select date_part('year', {{ add_seconds(as_of(), 86400) }}) as calendar_year

),

-- 29 February is kept on the 28th in a common year
birthdays as (

    select
        profiles.profile_id,
        coalesce(profiles.time_zone, '{{ var("shop_time_zone") }}') as time_zone,
        cast({{ dbt.dateadd(
            'year',
            "years.calendar_year - date_part('year', profiles.birthday)",
            'profiles.birthday',
        ) }} as date) as celebrated_on
    from profiles
    cross join years
    where
        date_part('month', profiles.birthday) in (
            date_part('month', {{ add_seconds(as_of(), -3 * 86400) }}),
            date_part('month', {{ add_seconds(as_of(), 86400) }})
        )

),

near_birthdays as (

    select
        profile_id,
        celebrated_on,
        {{ from_local('cast(celebrated_on as timestamp)', 'time_zone') }} as entered_at
    from birthdays
    where celebrated_on between
        cast({{ add_seconds(as_of(), -3 * 86400) }} as date)
        and cast({{ add_seconds(as_of(), 86400) }} as date)

),

entries as (

    select
        {{ hash_id(["'birthday'", 'profile_id', "date_part('year', celebrated_on)"]) }}
            as entry_id,
        profile_id,
        entered_at,
        {{ json_object(['celebrated_on']) }} as context
    from near_birthdays
    where {{ in_last_days('entered_at', 2, as_of()) }}

)

select * from entries
