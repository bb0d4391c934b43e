with

orders as (

    select * from {{ ref('orders') }}

),

order_items as (

    select * from {{ ref('int_order_items') }}

),

products as (

    select * from {{ ref('products') }}

),

recent_orders as (

    select
        order_id,
        event_id,
        profile_id,
        ordered_at,
        revenue as value,
        currency
    from orders
    where
        profile_id is not null
        and status <> 'cancelled'
        and {{ in_last_days('ordered_at', 2, as_of()) }}

),

recent_items as (

    select
        recent_orders.order_id,
        order_items.product_id,
        coalesce(order_items.name, products.name) as name,
        order_items.unit_price as price,
        order_items.quantity,
        products.url,
        products.image_url
    from recent_orders
    inner join order_items
        on
            recent_orders.order_id = order_items.order_id
            and recent_orders.event_id = order_items.event_id
    left join products on order_items.product_id = products.product_id
    where {{ in_last_days('order_items.ordered_at', 2, as_of()) }}

),

item_lists as (

    select
        order_id,
        {{ json_list(
            json_object(
                ['product_id', 'name', 'price', 'quantity', 'url', 'image_url']
            ),
            order_by='product_id, price, quantity',
        ) }} as items
    from recent_items
    group by order_id

),

described_orders as (

    select
        recent_orders.order_id,
        recent_orders.profile_id,
        recent_orders.ordered_at,
        recent_orders.value,
        recent_orders.currency,
        item_lists.items
    from recent_orders
    left join item_lists on recent_orders.order_id = item_lists.order_id

),

entries as (

    select
        {{ hash_id(["'post_purchase'", 'order_id']) }} as entry_id,
        profile_id,
        ordered_at as entered_at,
        {{ json_object(['order_id', 'items', 'value', 'currency']) }} as context
    from described_orders

)

select * from entries
