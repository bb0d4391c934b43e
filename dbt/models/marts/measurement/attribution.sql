{%- set dimensions = ['channel', 'flow'] %}
with

sends as (

    select
        sends.*,
        message_costs.cost,
    from {{ ref('sends') }} as sends
    left join {{ ref('message_costs') }} as message_costs
        on sends.channel = message_costs.channel

),

-- models that look at one order at a time
order_credits as (

    {% for dimension in dimensions -%}
    select
        '{{ dimension }}' as dimension,
        coalesce(sends.{{ dimension }}, 'unknown') as name,
        attributed_orders.model,
        cast(sum(attributed_orders.credit) as double) as order_count,
        sum(attributed_orders.revenue) as revenue,
    from {{ ref('attributed_orders') }} as attributed_orders
    left join sends on attributed_orders.message_id = sends.message_id
    group by coalesce(sends.{{ dimension }}, 'unknown'), attributed_orders.model
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- models that look at all journeys at once
path_credits as (

    select
        dimension,
        name,
        model,
        order_count,
        revenue,
    from {{ source('raw_measurement', 'credits') }}
    qualify
        analysed_at = max(analysed_at) over (partition by dimension)

),

credits as (

    select * from order_credits
    union all
    select * from path_credits

),

costs as (

    {% for dimension in dimensions -%}
    select
        '{{ dimension }}' as dimension,
        coalesce({{ dimension }}, 'unknown') as name,
        count(*) as sent_count,
        sum(cost) as cost,
    from sends
    where sent_at is not null
    group by coalesce({{ dimension }}, 'unknown')
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- what the hold-out says of the same flows
hold_outs as (

    select
        experiment,
        max(lift) filter (where metric = 'converted') as lift,
        max(lift_low) filter (where metric = 'converted') as lift_low,
        max(lift_high) filter (where metric = 'converted') as lift_high,
        max(participant_count) filter (where metric = 'converted') as treated_count,
        max(lift) filter (where metric = 'revenue') as revenue_lift,
    from {{ ref('experiment_results') }}
    where arm = 'treated' and lift is not null
    group by experiment

)

select
    credits.dimension,
    credits.name,
    credits.model,
    credits.order_count,
    cast(credits.revenue as decimal(18, 2)) as revenue,
    coalesce(costs.sent_count, 0) as sent_count,
    cast(coalesce(costs.cost, 0) as decimal(18, 6)) as cost,
    (credits.revenue - coalesce(costs.cost, 0)) / nullif(costs.cost, 0) as return_on_cost,
    hold_outs.lift * hold_outs.treated_count as caused_order_count,
    hold_outs.lift_low * hold_outs.treated_count as caused_order_count_low,
    hold_outs.lift_high * hold_outs.treated_count as caused_order_count_high,
    hold_outs.lift * hold_outs.treated_count / nullif(credits.order_count, 0)
        as calibration,
    cast(hold_outs.revenue_lift * hold_outs.treated_count as decimal(18, 2))
        as caused_revenue,
    (hold_outs.revenue_lift * hold_outs.treated_count - coalesce(costs.cost, 0))
    / nullif(costs.cost, 0) as caused_return_on_cost,
    '{{ var("shop_currency") }}' as currency,
from credits
left join costs
    on
        credits.dimension = costs.dimension
        and credits.name = costs.name
left join hold_outs
    on
        credits.dimension = 'flow'
        and credits.name || '.hold_out' = hold_outs.experiment
