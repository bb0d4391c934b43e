{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['identifier_id', 'category'],
) }}

{#- Mergeable state, like `int_identifier_orders`. What has no category counts under the empty one. -#}
{%- set touched = touched_identifiers() -%}

with

changed as (

    select * from {{ ref('int_orders') }} where {{ is_new() }}

),

{%- if is_incremental() %}

recounted as (

    select identifier_id from changed where identifier_id is not null and not is_new_order

    union

    select former_identifier_id from changed where former_identifier_id is not null

),

known as (

    select *
    from {{ this }}
    where
        identifier_id in (select identifier_id from {{ touched }})
        and identifier_id not in (select identifier_id from recounted)

),

valid_orders as (

    select order_id, event_id
    from {{ ref('int_orders') }}
    where
        identifier_id in (select identifier_id from recounted)
        and cancelled_at is null

),
{%- endif %}

counted as (

    select
        order_items.identifier_id,
        order_items.category,
        order_items.quantity,
    from {{ ref('int_order_items') }} as order_items
    inner join changed
        on order_items.order_id = changed.order_id and order_items.event_id = changed.event_id
    where
        changed.identifier_id is not null
        and changed.cancelled_at is null
        {%- if is_incremental() %}
        and {{ is_new('order_items.seen_at') }}
        and changed.identifier_id not in (select identifier_id from recounted)

    union all

    -- lines of orders that count no more are named too: what was counted is forgotten
    select
        order_items.identifier_id,
        order_items.category,
        case when valid_orders.order_id is null then 0 else order_items.quantity end
            as quantity,
    from {{ ref('int_order_items') }} as order_items
    left join valid_orders
        on
            order_items.order_id = valid_orders.order_id
            and order_items.event_id = valid_orders.event_id
    where order_items.identifier_id in (select identifier_id from recounted)
        {%- endif %}

),

totals as (

    select
        identifier_id,
        coalesce(category, '') as category,
        sum(quantity) as item_count,
        (select max(seen_at) from changed) as seen_at,
    from counted
    group by identifier_id, coalesce(category, '')
    {%- if not is_incremental() %}
    having sum(quantity) <> 0
    {%- endif %}

)

select
    totals.identifier_id,
    totals.category,
    {%- if is_incremental() %}
    totals.item_count + coalesce(known.item_count, 0) as item_count,
    {%- else %}
    totals.item_count,
    {%- endif %}
    totals.seen_at,
from totals
{%- if is_incremental() %}
left join known
    on totals.identifier_id = known.identifier_id and totals.category = known.category
{%- endif %}
