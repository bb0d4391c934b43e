{{ config(materialized='view') }}

with

order_items as (

    select * from {{ ref('int_order_items') }}

),

orders as (

    select * from {{ ref('int_orders') }}

),

items as (

    select
        order_items.order_item_id,
        order_items.order_id,
        order_items.line_number,
        order_items.identifier_id,
        order_items.ordered_at,
        order_items.product_id,
        order_items.name,
        order_items.category,
        order_items.quantity,
        order_items.unit_price,
        coalesce(orders.currency, '{{ var("shop_currency") }}') as currency,
    from order_items
    inner join orders
        on
            order_items.order_id = orders.order_id
            and order_items.event_id = orders.event_id

)

select * from items
