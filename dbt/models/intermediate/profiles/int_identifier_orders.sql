{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='identifier_id',
) }}

{#- Mergeable state: orders that nothing was known of are added to what is known. Where a known order has changed
    (a refund, a cancellation, another buyer), all orders of its identifier are added up again. -#}
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
{%- endif %}

counted as (

    select identifier_id, ordered_at, revenue, refunded, is_refunded_whole
    from changed
    where
        identifier_id is not null
        and cancelled_at is null
        {%- if is_incremental() %}
        and identifier_id not in (select identifier_id from recounted)

    union all

    -- who has no order left is named too: what was counted is forgotten
    select
        recounted.identifier_id,
        orders.ordered_at,
        orders.revenue,
        orders.refunded,
        orders.is_refunded_whole,
    from recounted
    left join {{ ref('int_orders') }} as orders
        on recounted.identifier_id = orders.identifier_id and orders.cancelled_at is null
        {%- endif %}

),

totals as (

    select
        identifier_id,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at,
        count(ordered_at) as order_count,
        coalesce(sum(revenue), 0) as total_revenue,
        coalesce(sum(case when is_refunded_whole then revenue else refunded end), 0)
            as total_refunded,
        max(revenue) as largest_order_value,
        (select max(seen_at) from changed) as seen_at,
    from counted
    group by identifier_id

)

select
    totals.identifier_id,
    {%- if is_incremental() %}
    least(totals.first_ordered_at, known.first_ordered_at) as first_ordered_at,
    greatest(totals.last_ordered_at, known.last_ordered_at) as last_ordered_at,
    totals.order_count + coalesce(known.order_count, 0) as order_count,
    cast(totals.total_revenue + coalesce(known.total_revenue, 0) as decimal(38, 2))
        as total_revenue,
    cast(totals.total_refunded + coalesce(known.total_refunded, 0) as decimal(38, 2))
        as total_refunded,
    greatest(totals.largest_order_value, known.largest_order_value) as largest_order_value,
    {%- else %}
    totals.first_ordered_at,
    totals.last_ordered_at,
    totals.order_count,
    totals.total_revenue,
    totals.total_refunded,
    totals.largest_order_value,
    {%- endif %}
    totals.seen_at,
from totals
{%- if is_incremental() %}
left join known on totals.identifier_id = known.identifier_id
{%- endif %}
