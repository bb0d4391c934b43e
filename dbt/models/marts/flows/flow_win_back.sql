with

profiles as (

    select * from {{ ref('profiles') }}

),

customers as (

    select
        profile_id,
        last_ordered_at,
        {{ add_seconds('last_ordered_at', 90 * 86400) }} as lapsed_at,
        favourite_category
    from profiles

),

lapsed as (

    select
        profile_id,
        last_ordered_at,
        lapsed_at,
        favourite_category
    from customers
    where {{ in_last_days('lapsed_at', 2, as_of()) }}

),

entries as (

    select
        {{ hash_id(["'win_back'", 'profile_id', 'last_ordered_at']) }} as entry_id,
        profile_id,
        lapsed_at as entered_at,
        {{ json_object(['last_ordered_at', 'favourite_category']) }} as context
    from lapsed

)

select * from entries
