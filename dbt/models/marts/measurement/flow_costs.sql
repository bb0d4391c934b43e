with

flow_performance as (

    select * from {{ ref('flow_performance') }}

),

orders as (

    select
        order_id,
        discount,
    from {{ ref('orders') }}
    where discount > 0

),

sends as (

    select * from {{ ref('sends') }}

),

attributed_orders as (

    select * from {{ ref('attributed_orders') }}
    where model = 'last_touch'

),

hold_outs as (

    select
        experiment,
        lift * participant_count as caused_revenue,
        lift_low * participant_count as caused_revenue_low,
        lift_high * participant_count as caused_revenue_high,
    from {{ ref('experiment_results') }}
    where baseline_arm = 'held_out' and arm = 'treated' and metric = 'revenue'

),

days as (

    select
        flow,
        date,
        sum(sent_count) as sent_count,
        sum(cost) as vendor_cost,
        sum(revenue) as revenue,
    from flow_performance
    group by flow, date

),

-- a day of computing costs the same whatever is sent: each flow bears its part of the messages
shared_days as (

    select
        *,
        {{ var('compute_cost_per_day') }} * sent_count
        / nullif(sum(sent_count) over (partition by date), 0) as compute_cost,
    from days

),

flows as (

    select
        flow,
        sum(sent_count) as sent_count,
        sum(vendor_cost) as vendor_cost,
        sum(coalesce(compute_cost, 0)) as compute_cost,
        sum(revenue) as revenue,
    from shared_days
    group by flow

),

offers as (

    select distinct
        flow,
        step,
        template,
    from {{ ref('stg_flows__flow_arms') }}
    where {{ json_text('payload', '$.discount_code') }} is not null

),

-- what was taken off orders that followed a message with a code
discounts as (

    select
        sends.flow,
        sum(attributed_orders.credit * orders.discount) as discount_cost,
    from attributed_orders
    inner join sends on attributed_orders.message_id = sends.message_id
    inner join offers
        on
            sends.flow = offers.flow
            and sends.step = offers.step
            and sends.template = offers.template
    inner join orders on attributed_orders.order_id = orders.order_id
    group by sends.flow

),

costs as (

    select
        flows.*,
        coalesce(discounts.discount_cost, 0) as discount_cost,
        flows.vendor_cost + flows.compute_cost as running_cost,
        flows.vendor_cost + flows.compute_cost + coalesce(discounts.discount_cost, 0)
            as cost,
    from flows
    left join discounts on flows.flow = discounts.flow

)

select
    costs.flow,
    cast(costs.sent_count as bigint) as sent_count,
    {% for part in ['vendor_cost', 'discount_cost', 'compute_cost', 'cost'] -%}
    cast(costs.{{ part }} as decimal(18, 6)) as {{ part }},
    {% endfor -%}
    cast(1000 * costs.cost / nullif(costs.sent_count, 0) as double) as cost_per_1000_sends,
    cast(costs.revenue as decimal(18, 2)) as revenue,
    cast((costs.revenue - costs.running_cost) / nullif(costs.cost, 0) as double)
        as return_on_cost,
    {% for end in ['', '_low', '_high'] -%}
    cast(hold_outs.caused_revenue{{ end }} as decimal(18, 2)) as caused_revenue{{ end }},
    {% endfor -%}
    cast(
        (hold_outs.caused_revenue - costs.running_cost) / nullif(costs.cost, 0) as double
    ) as caused_return_on_cost,
    '{{ var("shop_currency") }}' as currency,
from costs
left join hold_outs on costs.flow || '.hold_out' = hold_outs.experiment
