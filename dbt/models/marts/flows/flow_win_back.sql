with

profiles as (

    select * from {{ ref('profiles') }}

),

-- the last order lies in the two days that ended 90 days ago
lapsed as (

    select
        profile_id,
        last_ordered_at,
        {{ add_seconds('last_ordered_at', 90 * 86400) }} as lapsed_at,
        favourite_category
    from profiles
    where {{ in_last_days('last_ordered_at', 2, add_seconds(as_of(), -90 * 86400)) }}

),

entries as (

    select
        {{ hash_id(["'win_back'", 'profile_id', 'last_ordered_at']) }} as entry_id,
        profile_id,
        lapsed_at as entered_at,
        {{ add_seconds('lapsed_at', -7 * 86400) }} as exits_count_from,
        {{ json_object(['last_ordered_at', 'favourite_category']) }} as context
    from lapsed

)

select * from entries
