{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['product_id', 'attribute'],
) }}

{#- The catalogue ('Product Updated') knows better than what was seen in passing; among equals the latest is right. -#}
{%- set attributes =
    ['name', 'category', 'price', 'currency', 'inventory_quantity', 'url', 'image_url'] -%}

with

events as (

    select *
    from {{ ref('int_events') }}
    where
        {{ is_new() }}
        and event_name in ('Product Updated', 'Product Viewed', 'Product Added', 'Order Completed')

),

seen as (

    select
        product_id,
        properties as product,
        event_name = 'Product Updated' as is_catalogue,
        event_id,
        occurred_at,
        seen_at,
    from events
    where product_id is not null

    union all

    select
        {{ json_text('line.value', '$.product_id') }} as product_id,
        line.value as product,
        false as is_catalogue,
        events.event_id || '/' || line.position as event_id,
        events.occurred_at,
        events.seen_at,
    from events
    cross join {{ json_elements('events.properties', '$.products') }} as line(value, position)
    where {{ json_text('line.value', '$.product_id') }} is not null

),

attributes as (
    {% for attribute in attributes %}
    select
        product_id,
        '{{ attribute }}' as attribute,
        {{ json_text('product', '$.' ~ attribute) }} as value,
        is_catalogue,
        event_id,
        occurred_at,
        seen_at,
    from seen
    where
        {{ json_text('product', '$.' ~ attribute) }} is not null
        {%- if attribute in ['price', 'inventory_quantity'] %}
        and {{ json_decimal('product', '$.' ~ attribute) }} is not null
        {%- endif %}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}

),

latest as (

    select *
    from attributes
    qualify row_number() over (
        partition by product_id, attribute
        order by is_catalogue desc, occurred_at desc, event_id desc
    ) = 1

)

select latest.*
from latest
{%- if is_incremental() %}
left join {{ this }} as known
    on latest.product_id = known.product_id and latest.attribute = known.attribute
where
    known.product_id is null
    or (latest.is_catalogue, latest.occurred_at, latest.event_id)
    > (known.is_catalogue, known.occurred_at, known.event_id)
{%- endif %}
