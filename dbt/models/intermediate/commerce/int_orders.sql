{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='order_id',
) }}

{#- State of each order: the first completion, refunds added up, cancellation. They may arrive in any order, so lines
    that were refunded without a price are kept, to be priced by whichever completion counts in the end. -#}
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

refunded_lines as (

    select
        events.event_id,
        events.order_id,
        {{ json_text('line.value', '$.product_id') }} as product_id,
        cast(coalesce({{ json_decimal('line.value', '$.quantity') }}, 1) as bigint) as quantity,
        {{ json_decimal('line.value', '$.price') }} as unit_price,
    from events
    cross join {{ list_elements('events.refunded_products') }} as line(value, position)
    where {{ json_decimal('events.properties', '$.total') }} is null

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
        event_id,
        quantity,
        coalesce(unit_price, 0) as unit_price,
    from refunded_lines

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

-- a refund that says neither an amount nor lines names no product that could be priced
unpriced as (

    select order_id, product_id, quantity
    from refunded_lines
    where unit_price is null

    union all

    select order_id, cast(null as varchar) as product_id, 1 as quantity
    from changes
    where event_name = 'Order Refunded' and amount is null

),

unpriced_lists as (

    select
        order_id,
        {{ list_of_lines('product_id', 'quantity') }} as unpriced_refunds,
    from unpriced
    group by order_id

),

reversals as (

    select
        order_id,
        coalesce(sum(case when event_name = 'Order Refunded' then amount end), 0) as refunded,
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

states as (

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
        cast(coalesce(known.stated_refunds, 0) + coalesce(reversals.refunded, 0) as decimal(18, 2))
            as stated_refunds,
        {{ both_lists('known.unpriced_refunds', 'unpriced_lists.unpriced_refunds') }}
            as unpriced_refunds,
        least(known.refunded_at, reversals.refunded_at) as refunded_at,
        least(known.cancelled_at, reversals.cancelled_at) as cancelled_at,
        known.order_id is null as is_new_order,
        case
            when known.identifier_id is distinct from first_completions.identifier_id
                then known.identifier_id
        end as former_identifier_id,
        {%- else %}
        cast(coalesce(reversals.refunded, 0) as decimal(18, 2)) as stated_refunds,
        unpriced_lists.unpriced_refunds,
        reversals.refunded_at,
        reversals.cancelled_at,
        true as is_new_order,
        cast(null as varchar) as former_identifier_id,
        {%- endif %}
        touched.seen_at,
    from touched
    left join first_completions on touched.order_id = first_completions.order_id
    left join reversals on touched.order_id = reversals.order_id
    left join unpriced_lists on touched.order_id = unpriced_lists.order_id
    {%- if is_incremental() %}
    left join known on touched.order_id = known.order_id
    {%- endif %}

),

unpriced_states as (

    select * from states where unpriced_refunds is not null

),

prices as (

    select
        event_id,
        product_id,
        cast(sum(quantity * unit_price) / nullif(sum(quantity), 0) as decimal(18, 4)) as unit_price,
    from {{ ref('int_order_items') }}
    where
        event_id in (select unpriced_states.event_id from unpriced_states)
        and ordered_at >= (
            select coalesce(min(unpriced_states.ordered_at), {{ ever_after() }}) from unpriced_states
        )
    group by event_id, product_id

),

priced as (

    select
        unpriced_states.order_id,
        sum(line.value.quantity * prices.unit_price) as refunded,
        count(*) > count(prices.unit_price) as is_refunded_whole,
    from unpriced_states
    cross join {{ list_elements('unpriced_states.unpriced_refunds') }} as line(value, position)
    left join prices
        on
            unpriced_states.event_id = prices.event_id
            and line.value.product_id = prices.product_id
    group by unpriced_states.order_id

),

orders as (

    select
        states.order_id,
        states.event_id,
        states.identifier_id,
        states.cart_id,
        states.ordered_at,
        states.revenue,
        states.discount,
        states.currency,
        -- more than money can be says nothing: then as much as was paid
        coalesce(
            {{ dbt.safe_cast('states.stated_refunds + coalesce(priced.refunded, 0)', 'decimal(18, 2)') }},
            states.revenue,
            0
        ) as refunded,
        coalesce(priced.is_refunded_whole, false) as is_refunded_whole,
        states.stated_refunds,
        states.unpriced_refunds,
        states.refunded_at,
        states.cancelled_at,
        states.is_new_order,
        states.former_identifier_id,
        states.seen_at,
    from states
    left join priced on states.order_id = priced.order_id

)

select * from orders
order by ordered_at, order_id
