{%- set decided = ['decided', 'held_out'] %}
{%- set sent = [
    'sent', 'reached', 'delivered', 'opened', 'clicked', 'converted', 'unsubscribed',
    'bounced', 'complained', 'order',
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

first_decisions as (

    select
        flow,
        entry_id,
        cast(min(logged_at) as date) as date,
    from log
    where kind = 'decided' and flow_kind = 'campaign'
    group by flow, entry_id

),

-- people of a campaign who left before it, or still wait, stand with those chosen when they were
entry_days as (

    select
        log.flow,
        log.flow_version,
        coalesce(
            first_decisions.date,
            min(first_decisions.date) over (
                partition by log.flow
                order by log.entered_at
                range between current row and unbounded following
            ),
            cast(log.entered_at as date)
        ) as date,
    from log
    left join first_decisions
        on log.flow = first_decisions.flow and log.entry_id = first_decisions.entry_id
    where log.kind = 'entered'

),

entries as (

    select
        entry_days.flow,
        first_steps.step,
        entry_days.date,
        count(*) as entered_count,
    from entry_days
    inner join first_steps
        on
            entry_days.flow = first_steps.flow
            and entry_days.flow_version = first_steps.flow_version
    group by entry_days.flow, first_steps.step, entry_days.date

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
        count(*) filter (where {{ was_sent('sends') }}) as sent_count,
        count(*) filter (where {{ was_reached('sends') }}) as reached_count,
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
            where {{ left_at('sends') }} is not null
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
