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

events as (

    select * from {{ ref('int_events') }}

),

-- what was paid in all, shipping and tax included, where the shop says so
told_totals as (

    select
        event_id,
        cast({{ json_decimal('properties', '$.total') }} as decimal(18, 2)) as total
    from events
    where
        event_name = 'Order Completed'
        and {{ in_last_days('occurred_at', 2, as_of()) }}

),

recent_orders as (

    select
        orders.order_id,
        orders.event_id,
        orders.profile_id,
        orders.ordered_at,
        coalesce(told_totals.total, orders.revenue) as value,
        coalesce(orders.discount, 0) as discount,
        orders.currency
    from orders
    left join told_totals on orders.event_id = told_totals.event_id
    where
        orders.profile_id is not null
        and orders.status <> 'cancelled'
        and {{ in_last_days('orders.ordered_at', 2, as_of()) }}

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
        sum(round(price * quantity, 2)) as lines_value,
        count(*) = count(price) as is_priced,
        {{ json_list(
            json_object(
                ['product_id', 'name', 'price', 'quantity', 'url', 'image_url']
            ),
            order_by='product_id, price, quantity',
        ) }} as items
    from recent_items
    group by order_id

),

-- the lines, less the discount, plus what is neither, are the total; prices that contain the discount need none
receipts as (

    select
        recent_orders.order_id,
        recent_orders.profile_id,
        recent_orders.ordered_at,
        recent_orders.value,
        recent_orders.currency,
        item_lists.items,
        case
            when item_lists.lines_value <> recent_orders.value
                then nullif(recent_orders.discount, 0)
        end as discount,
        case
            when item_lists.is_priced and item_lists.lines_value <> recent_orders.value
                then cast(nullif(
                    recent_orders.value
                    + recent_orders.discount
                    - item_lists.lines_value,
                    0
                ) as decimal(18, 2))
        end as other_charges
    from recent_orders
    left join item_lists on recent_orders.order_id = item_lists.order_id

),

entries as (

    select
        {{ hash_id(["'post_purchase'", 'order_id']) }} as entry_id,
        profile_id,
        ordered_at as entered_at,
        {{ json_object(
            ['order_id', 'items', 'discount', 'other_charges', 'value', 'currency']
        ) }} as context
    from receipts

)

select * from entries
