{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='order_id',
) }}

{#- State of each order: the first completion, refunds added up, cancellation. They may arrive in any order. -#}
with

events as (

    select
        *,
        case
            when event_name = 'Order Refunded' then {{ json_array('properties', '$.products') }}
        end as refunded_products,
    from {{ recent_events() }}
    where
        {{ is_new() }}
        and order_id is not null
        and event_name in ('Order Completed', 'Order Refunded', 'Order Cancelled')

),

priced_lines as (

    select
        event_id,
        quantity,
        unit_price,
    from {{ ref('int_order_items') }}
    where {{ is_new() }}

    union all

    select
        events.event_id,
        cast(coalesce({{ json_decimal('line.value', '$.quantity') }}, 1) as bigint) as quantity,
        {{ json_decimal('line.value', '$.price') }} as unit_price,
    from events
    cross join {{ list_elements('events.refunded_products') }} as line(value, position)

),

lines as (

    select
        event_id,
        {{ dbt.safe_cast('sum(quantity * unit_price)', 'decimal(18, 2)') }} as value,
    from priced_lines
    group by event_id

),

changes as (

    select
        events.order_id,
        events.event_id,
        events.event_name,
        events.identifier_id,
        events.cart_id,
        events.occurred_at,
        events.seen_at,
        cast(coalesce(
            case when events.event_name = 'Order Completed'
                then {{ json_decimal('events.properties', '$.revenue') }} end,
            case when events.event_name = 'Order Refunded' or lines.value is null
                then {{ json_decimal('events.properties', '$.total') }} end,
            lines.value
        ) as decimal(18, 2)) as amount,
        cast({{ json_decimal('events.properties', '$.discount') }} as decimal(18, 2)) as discount,
        {{ json_text('events.properties', '$.currency') }} as currency,
    from events
    left join lines on events.event_id = lines.event_id

),

completions as (

    select * from changes where event_name = 'Order Completed'

),

reversals as (

    select
        order_id,
        coalesce(sum(case when event_name = 'Order Refunded' then amount end), 0) as refunded,
        bool_or(event_name = 'Order Refunded' and amount is null) as is_refunded_whole,
        min(case when event_name = 'Order Refunded' then occurred_at end) as refunded_at,
        min(case when event_name = 'Order Cancelled' then occurred_at end) as cancelled_at,
    from changes
    where event_name <> 'Order Completed'
    group by order_id

),

touched as (

    select order_id, max(seen_at) as seen_at from changes group by order_id

),

{%- if is_incremental() %}

known as (

    select * from {{ this }} where order_id in (select order_id from touched)

),
{%- endif %}

candidates as (

    select order_id, event_id, identifier_id, cart_id, occurred_at, amount, discount, currency
    from completions
    {%- if is_incremental() %}
    union all
    select order_id, event_id, identifier_id, cart_id, ordered_at, revenue, discount, currency
    from known
    where ordered_at is not null
    {%- endif %}

),

first_completions as (

    select *
    from candidates
    qualify row_number() over (partition by order_id order by occurred_at, event_id) = 1

),

orders as (

    select
        touched.order_id,
        first_completions.event_id,
        first_completions.identifier_id,
        first_completions.cart_id,
        first_completions.occurred_at as ordered_at,
        first_completions.amount as revenue,
        first_completions.discount,
        first_completions.currency,
        {%- if is_incremental() %}
        cast(coalesce(known.refunded, 0) + coalesce(reversals.refunded, 0) as decimal(18, 2))
            as refunded,
        coalesce(known.is_refunded_whole, false) or coalesce(reversals.is_refunded_whole, false)
            as is_refunded_whole,
        least(known.refunded_at, reversals.refunded_at) as refunded_at,
        least(known.cancelled_at, reversals.cancelled_at) as cancelled_at,
        known.order_id is null as is_new_order,
        case
            when known.identifier_id is distinct from first_completions.identifier_id
                then known.identifier_id
        end as former_identifier_id,
        {%- else %}
        cast(coalesce(reversals.refunded, 0) as decimal(18, 2)) as refunded,
        coalesce(reversals.is_refunded_whole, false) as is_refunded_whole,
        reversals.refunded_at,
        reversals.cancelled_at,
        true as is_new_order,
        cast(null as varchar) as former_identifier_id,
        {%- endif %}
        touched.seen_at,
    from touched
    left join first_completions on touched.order_id = first_completions.order_id
    left join reversals on touched.order_id = reversals.order_id
    {%- if is_incremental() %}
    left join known on touched.order_id = known.order_id
    {%- endif %}

)

select * from orders
order by ordered_at, order_id
