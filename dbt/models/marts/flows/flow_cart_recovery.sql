with carts as (

    select * from {{ ref('carts') }}

),

abandoned as (

    select
        cart_id,
        profile_id,
        abandoned_at as entered_at,
        items,
        value,
        currency
    from carts
    where status = 'abandoned'
        and profile_id is not null
        and value > 0
        and abandoned_at > {{ add_seconds(as_of(), -172800) }}
        and abandoned_at <= {{ as_of() }}

),

entries as (

    select
        {{ hash_id(["'cart_recovery'", 'cart_id', 'entered_at']) }} as entry_id,
        profile_id,
        entered_at,
        to_json({
            cart_id: cart_id, items: items, value: value, currency: currency
        }) as context
    from abandoned

)

select * from entries
