{%- set moments = {
    'left': 'left_at', 'delivered': 'delivered_at', 'opened': 'opened_at',
    'clicked': 'clicked_at', 'bounced': 'bounced_at', 'complained': 'complained_at',
} %}
with

order_days as (

    select
        cast(ordered_at as date) as date,
        count(*) as order_count,
        count(distinct profile_id) as customer_count,
        sum(revenue) as revenue,
        sum(refunded) as refunded,
    from {{ ref('orders') }}
    where status <> 'cancelled'
    group by cast(ordered_at as date)

),

new_customer_days as (

    select
        cast(first_ordered_at as date) as date,
        count(*) as new_customer_count,
    from {{ ref('profiles') }}
    where first_ordered_at is not null
    group by cast(first_ordered_at as date)

),

new_profile_days as (

    select
        cast(first_seen_at as date) as date,
        count(*) as new_profile_count,
    from {{ ref('profiles') }}
    group by cast(first_seen_at as date)

),

consent_days as (

    select
        cast(occurred_at as date) as date,
        count(*) filter (where signal = 'subscribed') as subscribed_count,
        count(*) filter (where signal = 'unsubscribed') as unsubscribed_count,
    from {{ ref('int_event_signals') }}
    where signal in ('subscribed', 'unsubscribed')
    group by cast(occurred_at as date)

),

messages as (

    select
        sends.*,
        {{ left_at('sends') }} as left_at,
        {{ was_sent('sends') }} as was_sent,
        {{ was_reached('sends') }} as was_reached,
        coalesce(provider_costs.cost, message_costs.cost) as cost,
    from {{ ref('sends') }} as sends
    left join {{ ref('message_costs') }} as message_costs
        on sends.channel = message_costs.channel
    left join {{ ref('provider_costs') }} as provider_costs
        on
            sends.channel = provider_costs.channel
            and sends.provider = provider_costs.provider

),

moments as (

    {% for event, moment in moments.items() -%}
    select
        cast({{ moment }} as date) as date,
        '{{ event }}' as event,
        was_sent,
        was_reached,
        cost,
    from messages
    where {{ moment }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

message_days as (

    select
        date,
        count(*) filter (where event = 'left' and was_sent) as sent_count,
        count(*) filter (where event = 'left' and was_reached) as reached_count,
        {% for event in moments if event != 'left' -%}
        count(*) filter (where event = '{{ event }}') as {{ event }}_count,
        {% endfor -%}
        sum(cost) filter (where event = 'left') as cost,
    from moments
    group by date

),

attributed_days as (

    select
        cast(ordered_at as date) as date,
        count(*) as attributed_order_count,
        sum(revenue) as attributed_revenue,
    from {{ ref('attributed_orders') }}
    where model = 'last_touch'
    group by cast(ordered_at as date)

),

days as (

    select date from order_days
    union
    select date from new_profile_days
    union
    select date from consent_days
    union
    select date from message_days

)

select
    days.date,
    coalesce(order_days.order_count, 0) as order_count,
    coalesce(order_days.customer_count, 0) as customer_count,
    coalesce(new_customer_days.new_customer_count, 0) as new_customer_count,
    cast(coalesce(order_days.revenue, 0) as decimal(18, 2)) as revenue,
    cast(coalesce(order_days.refunded, 0) as decimal(18, 2)) as refunded,
    coalesce(attributed_days.attributed_order_count, 0) as attributed_order_count,
    cast(coalesce(attributed_days.attributed_revenue, 0) as decimal(18, 2))
        as attributed_revenue,
    coalesce(new_profile_days.new_profile_count, 0) as new_profile_count,
    coalesce(consent_days.subscribed_count, 0) as subscribed_count,
    coalesce(consent_days.unsubscribed_count, 0) as unsubscribed_count,
    {% for measure in [
        'sent', 'reached', 'delivered', 'opened', 'clicked', 'bounced', 'complained',
    ] -%}
    coalesce(message_days.{{ measure }}_count, 0) as {{ measure }}_count,
    {% endfor -%}
    cast(coalesce(message_days.cost, 0) as decimal(18, 6)) as cost,
    '{{ var("shop_currency") }}' as currency,
from days
left join order_days on days.date = order_days.date
left join new_customer_days on days.date = new_customer_days.date
left join new_profile_days on days.date = new_profile_days.date
left join consent_days on days.date = consent_days.date
left join message_days on days.date = message_days.date
left join attributed_days on days.date = attributed_days.date
