{#- The rule of `carts.status = 'abandoned'`, worked out for the last days only, so that it
    costs the same however long the history is. -#}
{%- set idle_seconds = var('cart_abandoned_after_minutes') * 60 -%}

with

carts as (

    select * from {{ ref('int_carts') }}

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

orders as (

    select * from {{ ref('orders') }}

),

idle_carts as (

    select
        cart_id,
        identifier_id,
        last_activity_at,
        {{ add_seconds('last_activity_at', idle_seconds) }} as abandoned_at,
        items,
        value,
        coalesce(currency, '{{ var("shop_currency") }}') as currency
    from carts
    where
        ordered_at is null
        and emptied_at is null
        and value > 0
        and {{ in_last_days('last_activity_at', 2, add_seconds(as_of(), -idle_seconds)) }}

),

known_carts as (

    select
        idle_carts.*,
        identifiers.profile_id
    from idle_carts
    inner join identifiers on idle_carts.identifier_id = identifiers.identifier_id

),

recent_orders as (

    select
        profile_id,
        max(ordered_at) as ordered_at
    from orders
    where {{ in_last_days('ordered_at', 3, as_of()) }}
    group by profile_id

),

abandoned_carts as (

    select known_carts.*
    from known_carts
    left join recent_orders on known_carts.profile_id = recent_orders.profile_id
    where
        recent_orders.ordered_at is null
        or recent_orders.ordered_at < known_carts.last_activity_at

),

entries as (

    select
        {{ hash_id(["'cart_recovery'", 'cart_id', 'abandoned_at']) }} as entry_id,
        profile_id,
        abandoned_at as entered_at,
        {{ json_object(['cart_id', 'items', 'value', 'currency']) }} as context
    from abandoned_carts

)

select * from entries
