{%- set dimensions = ['channel', 'flow'] %}
with

sends as (

    select
        sends.*,
        coalesce(provider_costs.cost, message_costs.cost) as cost,
    from {{ ref('sends') }} as sends
    left join {{ ref('message_costs') }} as message_costs
        on sends.channel = message_costs.channel
    left join {{ ref('provider_costs') }} as provider_costs
        on
            sends.channel = provider_costs.channel
            and sends.provider = provider_costs.provider

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
        count(*) filter (where {{ was_sent('sends') }}) as sent_count,
        sum(cost) as cost,
    from sends
    where {{ left_at('sends') }} is not null
    group by coalesce({{ dimension }}, 'unknown')
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- what the hold-out says of the same flows; a small one says little, and that it is small
hold_outs as (

    select
        experiment,
        {% for metric in ['converted', 'revenue'] -%}
        {% for bound in ['lift', 'lift_low', 'lift_high'] -%}
        max({{ bound }} * participant_count) filter (
            where arm = 'treated' and metric = '{{ metric }}'
        ) as {{ metric }}_{{ bound }},
        {% endfor -%}
        {% endfor -%}
        coalesce(
            max(warning) filter (where arm = 'treated' and metric = 'converted'),
            max(warning) filter (where arm = 'held_out' and metric = 'converted')
        ) as warning,
    from {{ ref('experiment_results') }}
    where baseline_arm = 'held_out'
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
    hold_outs.converted_lift as caused_order_count,
    hold_outs.converted_lift_low as caused_order_count_low,
    hold_outs.converted_lift_high as caused_order_count_high,
    {% for end in ['', '_low', '_high'] -%}
    hold_outs.converted_lift{{ end }} / nullif(credits.order_count, 0) as calibration{{ end }},
    {% endfor -%}
    case
        when credits.dimension <> 'flow' then null
        when hold_outs.experiment is null then 'no hold-out: nothing to compare with'
        else hold_outs.warning
    end as calibration_warning,
    {% for end in ['', '_low', '_high'] -%}
    cast(hold_outs.revenue_lift{{ end }} as decimal(18, 2)) as caused_revenue{{ end }},
    {% endfor -%}
    (hold_outs.revenue_lift - coalesce(costs.cost, 0))
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
