with

carts as (

    select * from {{ ref('carts') }}

),

abandoned as (

    select
        cart_id,
        profile_id,
        abandoned_at,
        items,
        value,
        currency
    from carts
    where
        status = 'abandoned'
        and profile_id is not null
        and value > 0
        and {{ in_last_days('abandoned_at', 2, as_of()) }}

),

entries as (

    select
        {{ hash_id(["'cart_recovery'", 'cart_id', 'abandoned_at']) }} as entry_id,
        profile_id,
        abandoned_at as entered_at,
        {{ json_object(['cart_id', 'items', 'value', 'currency']) }} as context
    from abandoned

)

select * from entries
