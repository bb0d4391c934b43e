with

flow_entries as (

    select * from {{ ref('flow_entries') }}

),

flow_decisions as (

    select * from {{ ref('flow_decisions') }}

),

sends as (

    select * from {{ ref('sends') }}

),

message_costs as (

    select * from {{ ref('message_costs') }}

),

conversions as (

    select
        message_id,
        count(*) as order_count,
        sum(revenue) as revenue,
    from {{ ref('attributed_orders') }}
    where model = 'last_touch'
    group by message_id

),

first_steps as (

    select
        flow,
        step,
    from {{ ref('stg_flows__flow_steps') }}
    where position = 1
    qualify row_number() over (partition by flow order by flow_version desc) = 1

),

entered as (

    select
        flow_entries.flow,
        first_steps.step,
        cast(flow_entries.entered_at as date) as date,
        count(*) as entered_count,
    from flow_entries
    left join first_steps on flow_entries.flow = first_steps.flow
    group by flow_entries.flow, first_steps.step, cast(flow_entries.entered_at as date)

),

decided as (

    select
        flow_decisions.flow,
        flow_decisions.step,
        cast(flow_decisions.decided_at as date) as date,
        count(*) as decided_count,
        count(*) filter (where flow_decisions.outcome = 'held_out') as held_out_count,
        count(sends.sent_at) as sent_count,
        count(sends.delivered_at) as delivered_count,
        count(sends.opened_at) as opened_count,
        count(sends.clicked_at) as clicked_count,
        count(conversions.message_id) as converted_count,
        count(sends.unsubscribed_at) as unsubscribed_count,
        count(sends.bounced_at) as bounced_count,
        count(sends.complained_at) as complained_count,
        sum(conversions.order_count) as order_count,
        sum(conversions.revenue) as revenue,
        sum(message_costs.cost) filter (where sends.sent_at is not null) as cost,
    from flow_decisions
    left join sends on flow_decisions.message_id = sends.message_id
    left join conversions on flow_decisions.message_id = conversions.message_id
    left join message_costs on sends.channel = message_costs.channel
    group by
        flow_decisions.flow,
        flow_decisions.step,
        cast(flow_decisions.decided_at as date)

)

select
    coalesce(entered.flow, decided.flow) as flow,
    coalesce(entered.step, decided.step) as step,
    coalesce(entered.date, decided.date) as date,
    coalesce(entered.entered_count, 0) as entered_count,
    {% for measure in [
        'decided', 'held_out', 'sent', 'delivered', 'opened', 'clicked', 'converted',
        'unsubscribed', 'bounced', 'complained', 'order',
    ] -%}
    cast(coalesce(decided.{{ measure }}_count, 0) as bigint) as {{ measure }}_count,
    {% endfor -%}
    cast(coalesce(decided.revenue, 0) as decimal(18, 2)) as revenue,
    cast(coalesce(decided.cost, 0) as decimal(18, 6)) as cost,
    '{{ var("shop_currency") }}' as currency,
from entered
full outer join decided
    on
        entered.flow = decided.flow
        and entered.step = decided.step
        and entered.date = decided.date
