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
    from {{ recent_events() }}
    where
        {{ is_new() }}
        and event_name in ('Product Updated', 'Product Viewed', 'Product Added')

),

order_items as (

    select * from {{ ref('int_order_items') }} where {{ is_new() }}

),

seen as (

    select
        product_id,
        {{ json_text('properties', '$.name') }} as name,
        {{ json_text('properties', '$.category') }} as category,
        cast({{ json_decimal('properties', '$.price') }} as varchar) as price,
        {{ json_text('properties', '$.currency') }} as currency,
        case
            when {{ json_text('properties', '$.variant_id') }} is null
                then cast({{ json_decimal('properties', '$.inventory_quantity') }} as varchar)
        end as inventory_quantity,
        {{ json_text('properties', '$.url') }} as url,
        {{ json_text('properties', '$.image_url') }} as image_url,
        event_name = 'Product Updated' as is_catalogue,
        event_id,
        occurred_at,
        seen_at,
    from events

    union all

    select
        product_id,
        name,
        category,
        cast(unit_price as varchar) as price,
        null as currency,
        null as inventory_quantity,
        null as url,
        null as image_url,
        false as is_catalogue,
        order_item_id as event_id,
        ordered_at as occurred_at,
        seen_at,
    from order_items

),

attributes as (
    {% for attribute in attributes %}
    select
        product_id,
        '{{ attribute }}' as attribute,
        {{ attribute }} as value,
        is_catalogue,
        event_id,
        occurred_at,
        seen_at,
    from seen
    where product_id is not null and {{ attribute }} is not null
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
