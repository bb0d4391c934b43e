{%- set decided = ['decided', 'held_out'] %}
{%- set sent = [
    'sent', 'delivered', 'opened', 'clicked', 'converted', 'unsubscribed', 'bounced',
    'complained', 'order',
] %}
with

log as (

    select * from {{ ref('int_flow_log') }}

),

first_steps as (

    select
        flow,
        flow_version,
        step,
    from {{ ref('stg_flows__flow_steps') }}
    where position = 1

),

sends as (

    select * from {{ ref('sends') }}
    where flow is not null

),

message_costs as (

    select * from {{ ref('message_costs') }}

),

provider_costs as (

    select * from {{ ref('provider_costs') }}

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

entries as (

    select
        log.flow,
        first_steps.step,
        cast(log.entered_at as date) as date,
        count(*) as entered_count,
    from log
    inner join first_steps
        on log.flow = first_steps.flow and log.flow_version = first_steps.flow_version
    where log.kind = 'entered'
    group by log.flow, first_steps.step, cast(log.entered_at as date)

),

decisions as (

    select
        flow,
        step,
        cast(logged_at as date) as date,
        count(*) as decided_count,
        count(*) filter (where outcome = 'held_out') as held_out_count,
    from log
    where kind = 'decided'
    group by flow, step, cast(logged_at as date)

),

messages as (

    select
        sends.flow,
        sends.step,
        cast(sends.decided_at as date) as date,
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
        sum(coalesce(provider_costs.cost, message_costs.cost)) filter (
            where sends.sent_at is not null
        ) as cost,
    from sends
    left join conversions on sends.message_id = conversions.message_id
    left join message_costs on sends.channel = message_costs.channel
    left join provider_costs
        on
            sends.channel = provider_costs.channel
            and sends.provider = provider_costs.provider
    group by sends.flow, sends.step, cast(sends.decided_at as date)

),

days as (

    select flow, step, date from entries
    union
    select flow, step, date from decisions
    union
    select flow, step, date from messages

)

select
    days.flow,
    days.step,
    days.date,
    coalesce(entries.entered_count, 0) as entered_count,
    {% for measure in decided -%}
    coalesce(decisions.{{ measure }}_count, 0) as {{ measure }}_count,
    {% endfor -%}
    {% for measure in sent -%}
    cast(coalesce(messages.{{ measure }}_count, 0) as bigint) as {{ measure }}_count,
    {% endfor -%}
    cast(coalesce(messages.revenue, 0) as decimal(18, 2)) as revenue,
    cast(coalesce(messages.cost, 0) as decimal(18, 6)) as cost,
    '{{ var("shop_currency") }}' as currency,
from days
left join entries
    on
        days.flow = entries.flow
        and days.step = entries.step
        and days.date = entries.date
left join decisions
    on
        days.flow = decisions.flow
        and days.step = decisions.step
        and days.date = decisions.date
left join messages
    on
        days.flow = messages.flow
        and days.step = messages.step
        and days.date = messages.date
