with

flow_performance as (

    select * from {{ ref('flow_performance') }}

),

campaigns as (

    select * from {{ ref('stg_flows__flows') }}
    where kind = 'campaign'

),

summed as (

    select
        flow_performance.flow as campaign,
        flow_performance.date,
        {% for measure in [
            'entered', 'decided', 'held_out', 'sent', 'reached', 'delivered', 'opened',
            'clicked', 'converted', 'unsubscribed', 'bounced', 'complained', 'order',
        ] -%}
        cast(sum(flow_performance.{{ measure }}_count) as bigint) as {{ measure }}_count,
        {% endfor -%}
        cast(sum(flow_performance.revenue) as decimal(18, 2)) as revenue,
        cast(sum(flow_performance.cost) as decimal(18, 6)) as cost,
        max(flow_performance.currency) as currency,
    from flow_performance
    inner join campaigns on flow_performance.flow = campaigns.flow
    group by flow_performance.flow, flow_performance.date

)

select
    campaign,
    date,
    entered_count as audience_count,
    decided_count,
    held_out_count,
    sent_count,
    reached_count,
    delivered_count,
    opened_count,
    clicked_count,
    converted_count,
    unsubscribed_count,
    bounced_count,
    complained_count,
    order_count,
    opened_count / nullif(reached_count, 0) as open_share,
    clicked_count / nullif(reached_count, 0) as click_share,
    converted_count / nullif(reached_count, 0) as conversion_share,
    revenue,
    cost,
    (revenue - cost) / nullif(cost, 0) as return_on_cost,
    currency,
from summed
