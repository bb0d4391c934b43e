{{ config(materialized='incremental', incremental_strategy='append') }}

with

events as (

    select
        *,
        coalesce(cart_id, identifier_id) as own_cart_id,
        case
            when event_name in ('Cart Viewed', 'Checkout Started')
                then {{ json_array('properties', '$.products') }}
        end as products,
    from {{ recent_events() }}
    where
        {{ is_new() }}
        and event_name in (
            'Product Added',
            'Product Removed',
            'Cart Viewed',
            'Checkout Started',
            'Order Completed'
        )
        and (cart_id is not null or identifier_id is not null)

),

single_lines as (

    select
        own_cart_id as cart_id,
        identifier_id,
        event_id,
        1 as line_number,
        occurred_at,
        case
            when event_name = 'Product Added' then 'added'
            when {{ json_text('properties', '$.quantity') }} is null then 'set'
            else 'removed'
        end as operation,
        product_id,
        coalesce(
            {{ json_decimal('properties', '$.quantity') }},
            case when event_name = 'Product Added' then 1 else 0 end
        ) as quantity,
        properties as product,
        seen_at,
    from events
    where event_name in ('Product Added', 'Product Removed')

),

snapshot_lines as (

    select
        events.own_cart_id as cart_id,
        events.identifier_id,
        events.event_id,
        line.position as line_number,
        events.occurred_at,
        'set' as operation,
        {{ json_text('line.value', '$.product_id') }} as product_id,
        coalesce({{ json_decimal('line.value', '$.quantity') }}, 1) as quantity,
        line.value as product,
        events.seen_at,
    from events
    cross join {{ list_elements('events.products') }} as line(value, position)
    where events.event_name in ('Cart Viewed', 'Checkout Started')

),

whole_carts as (

    select
        own_cart_id as cart_id,
        identifier_id,
        event_id,
        0 as line_number,
        occurred_at,
        case
            when event_name = 'Order Completed' then 'ordered'
            when products is not null then 'replaced'
            else 'viewed'
        end as operation,
        null as product_id,
        0 as quantity,
        properties as product,
        seen_at,
    from events
    where event_name in ('Cart Viewed', 'Checkout Started', 'Order Completed')

),

operations as (

    select * from single_lines
    union all
    select * from snapshot_lines
    union all
    select * from whole_carts

)

select
    cart_id,
    identifier_id,
    event_id,
    line_number,
    occurred_at,
    operation,
    product_id,
    cast(quantity as bigint) as quantity,
    {{ json_text('product', '$.name') }} as name,
    {{ json_decimal('product', '$.price') }} as price,
    {{ json_text('product', '$.currency') }} as currency,
    {{ json_text('product', '$.url') }} as url,
    {{ json_text('product', '$.image_url') }} as image_url,
    {{ json_text('product', '$.order_id') }} as order_id,
    seen_at,
from operations
order by occurred_at, event_id, line_number
