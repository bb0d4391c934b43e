with

profiles as (

    select * from {{ ref('profiles') }}

),

-- the last order lies in the two days that ended 90 days ago
lapsed as (

    select
        profile_id,
        last_ordered_at,
        {{ add_seconds('last_ordered_at', 90 * 86400) }} as entered_at,
        favourite_category
    from profiles
    where {{ in_last_days('last_ordered_at', 2, add_seconds(as_of(), -90 * 86400)) }}

),

late_orders as (

    {{ late_orders_count_from('lapsed') }}

),

entries as (

    select
        {{ hash_id(["'win_back'", 'lapsed.profile_id', 'lapsed.last_ordered_at']) }} as entry_id,
        lapsed.profile_id,
        lapsed.entered_at,
        late_orders.exits_count_from,
        {{ json_object(['last_ordered_at', 'favourite_category']) }} as context
    from lapsed
    inner join late_orders on lapsed.profile_id = late_orders.profile_id

)

select * from entries
