with

orders as (

    select * from {{ ref('orders') }}

),

order_items as (

    select * from {{ ref('order_items') }}

),

buyers as (

    select distinct orders.profile_id
    from orders
    inner join order_items on orders.order_id = order_items.order_id
    where
        order_items.category = '{{ var("segment_category") }}'
        and orders.profile_id is not null

)

select profile_id from buyers
