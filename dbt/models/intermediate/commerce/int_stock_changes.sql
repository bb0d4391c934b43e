{{ config(materialized='incremental', incremental_strategy='append') }}

with

catalogue as (

    select
        event_id,
        product_id,
        {{ json_text('properties', '$.variant_id') }} as variant_id,
        cast({{ json_decimal('properties', '$.inventory_quantity') }} as bigint) as stock,
        occurred_at as changed_at,
        seen_at,
    from {{ recent_events() }}
    where {{ is_new() }} and event_name = 'Product Updated' and product_id is not null

)

select * from catalogue
where stock is not null
order by changed_at, event_id
