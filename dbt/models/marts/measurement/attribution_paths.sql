{%- set dimensions = ['channel', 'flow'] %}
with

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

-- what an order was touched by, each message once, as the linear model counts it
order_touches as (

    select
        attributed_orders.order_id as journey_id,
        attributed_orders.touched_at,
        attributed_orders.message_id,
        attributed_orders.revenue,
        1 as has_order,
    from {{ ref('attributed_orders') }} as attributed_orders
    where attributed_orders.model = 'linear'

),

-- messages that led to no order; a pause as long as the window begins a new journey
lost_touches as (

    select
        sends.message_id,
        coalesce(identifiers.profile_id, sends.profile_id) as profile_id,
        coalesce(sends.clicked_at, sends.opened_at) as touched_at,
    from {{ ref('sends') }} as sends
    left join identifiers on sends.profile_id = identifiers.identifier_id
    left join order_touches on sends.message_id = order_touches.message_id
    where
        order_touches.message_id is null
        and coalesce(sends.clicked_at, sends.opened_at) is not null

),

paused_touches as (

    select
        *,
        case
            when
                lag(touched_at) over (
                    partition by profile_id order by touched_at, message_id
                ) > {{ add_seconds('touched_at', -86400 * var('attribution_window_days')) }}
                then 0
            else 1
        end as begins,
    from lost_touches

),

numbered_touches as (

    select
        *,
        sum(begins) over (
            partition by profile_id order by touched_at, message_id
            rows between unbounded preceding and current row
        ) as journey_number,
    from paused_touches

),

touches as (

    select
        journey_id,
        touched_at,
        message_id,
        revenue,
        has_order,
    from order_touches
    union all
    select
        profile_id || ' ' || journey_number as journey_id,
        touched_at,
        message_id,
        0 as revenue,
        0 as has_order,
    from numbered_touches

),

journeys as (

    {% for dimension in dimensions -%}
    select
        '{{ dimension }}' as dimension,
        touches.journey_id,
        touches.has_order,
        {{ list_in_order(
            "coalesce(sends." ~ dimension ~ ", 'unknown')",
            'touches.touched_at, touches.message_id',
        ) }} as path,
        sum(touches.revenue) as revenue,
    from touches
    left join {{ ref('sends') }} as sends on touches.message_id = sends.message_id
    group by touches.journey_id, touches.has_order
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    dimension,
    path,
    cast(sum(has_order) as bigint) as conversion_count,
    cast(sum(1 - has_order) as bigint) as null_count,
    cast(sum(revenue) as decimal(18, 2)) as revenue,
from journeys
group by dimension, path
