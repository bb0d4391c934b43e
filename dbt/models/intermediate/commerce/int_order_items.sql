{{ config(materialized='incremental', incremental_strategy='append') }}

with

completions as (

    select
        event_id,
        order_id,
        identifier_id,
        occurred_at,
        {{ json_array('properties', '$.products') }} as products,
        seen_at,
    from {{ recent_events() }}
    where
        {{ is_new() }}
        and event_name = 'Order Completed'
        and order_id is not null

),

items as (

    select
        {{ hash_id(['completions.event_id', 'line.position']) }} as order_item_id,
        completions.order_id,
        completions.event_id,
        completions.identifier_id,
        completions.occurred_at as ordered_at,
        line.position as line_number,
        {{ json_text('line.value', '$.product_id') }} as product_id,
        {{ json_text('line.value', '$.name') }} as name,
        {{ json_text('line.value', '$.category') }} as category,
        cast(coalesce({{ json_decimal('line.value', '$.quantity') }}, 1) as bigint) as quantity,
        {{ json_decimal('line.value', '$.price') }} as unit_price,
        completions.seen_at,
    from completions
    cross join {{ list_elements('completions.products') }} as line(value, position)

)

select * from items
order by ordered_at, order_item_id
