{{ config(materialized='view') }}

with

orders as (

    select * from {{ ref('int_orders') }} where ordered_at is not null

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

resolved as (

    select
        orders.order_id,
        identifiers.profile_id,
        orders.identifier_id,
        orders.cart_id,
        orders.ordered_at,
        orders.revenue,
        case
            when orders.is_refunded_whole or orders.cancelled_at is not null then orders.revenue
            else orders.refunded
        end as refunded,
        orders.discount,
        coalesce(orders.currency, '{{ var("shop_currency") }}') as currency,
        case
            when orders.cancelled_at is not null then 'cancelled'
            when orders.refunded_at is not null then 'refunded'
            else 'completed'
        end as status,
        orders.refunded_at,
        orders.cancelled_at,
        orders.event_id,
    from orders
    left join identifiers on orders.identifier_id = identifiers.identifier_id

)

select * from resolved
