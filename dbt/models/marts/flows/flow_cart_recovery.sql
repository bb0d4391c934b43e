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

products as (

    select * from {{ ref('products') }}

),

idle_carts as (

    select
        cart_id,
        identifier_id,
        last_activity_at,
        {{ add_seconds('last_activity_at', idle_seconds) }} as abandoned_at,
        {{ json_array('items', '$') }} as items,
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

items as (

    select
        abandoned_carts.cart_id,
        line.position,
        {{ json_text('line.value', '$.product_id') }} as product_id,
        {{ json_text('line.value', '$.name') }} as name,
        {{ json_decimal('line.value', '$.price') }} as price,
        {{ json_decimal('line.value', '$.quantity') }} as quantity,
        {{ json_text('line.value', '$.url') }} as url,
        {{ json_text('line.value', '$.image_url') }} as image_url
    from abandoned_carts
    cross join {{ list_elements('abandoned_carts.items') }} as line(value, position)

),

-- events of carts rarely say where the page and the picture of a product are; the catalogue does
described_items as (

    select
        items.cart_id,
        items.position,
        items.product_id,
        coalesce(items.name, products.name) as name,
        items.price,
        cast(items.quantity as bigint) as quantity,
        coalesce(items.url, products.url) as url,
        coalesce(items.image_url, products.image_url) as image_url
    from items
    left join products on items.product_id = products.product_id

),

item_lists as (

    select
        cart_id,
        {{ json_list(
            json_object(['product_id', 'name', 'price', 'quantity', 'url', 'image_url']),
            order_by='position',
        ) }} as items
    from described_items
    group by cart_id

),

described_carts as (

    select
        abandoned_carts.cart_id,
        abandoned_carts.profile_id,
        abandoned_carts.last_activity_at,
        abandoned_carts.abandoned_at,
        abandoned_carts.value,
        abandoned_carts.currency,
        coalesce(item_lists.items, cast('[]' as json)) as items
    from abandoned_carts
    left join item_lists on abandoned_carts.cart_id = item_lists.cart_id

),

entries as (

    select
        {{ hash_id(["'cart_recovery'", 'cart_id', 'abandoned_at']) }} as entry_id,
        profile_id,
        abandoned_at as entered_at,
        last_activity_at as exits_count_from,
        {{ json_object(['cart_id', 'items', 'value', 'currency']) }} as context
    from described_carts

)

select * from entries
