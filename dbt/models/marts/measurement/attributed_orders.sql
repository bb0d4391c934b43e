-- Recomputes the orders of the delta, the orders that a touch of the delta may have
-- caused, and the orders of people whose identity changed.
{%- set touch_events = "'" ~ var('attribution_touches') | join("', '") ~ "'" %}
with

changed_identifiers as (

    select
        identifier_id,
        {{ never() }} as since,
    from {{ touched_identifiers() }}
    where
        profile_id in (
            select moved.profile_id from {{ ref('int_identifier_profiles') }} as moved
            where {{ is_new('moved.seen_at') }}
        )
    union all
    select
        identifiers.identifier_id,
        touches.occurred_at as since,
    from {{ ref('message_events') }} as touches
    inner join {{ ref('int_identifier_profiles') }} as touched
        on touches.profile_id = touched.identifier_id
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on touched.profile_id = identifiers.profile_id
    where
        {{ is_new('touches.seen_at') }}
        and touches.event in ({{ touch_events }})
        and not touches.is_machine

),

changed_order_ids as (

    select orders.order_id
    from {{ ref('int_orders') }} as orders
    inner join changed_identifiers
        on orders.identifier_id = changed_identifiers.identifier_id
    where
        orders.ordered_at >= changed_identifiers.since
        and orders.ordered_at >= (
            select min(earliest.since) from changed_identifiers as earliest
        )
    union
    select order_id from {{ ref('int_orders') }}
    where {{ is_new() }}

),

changed_orders as (

    select
        orders.order_id,
        buyers.profile_id,
        orders.ordered_at,
        orders.revenue,
        coalesce(orders.currency, '{{ var("shop_currency") }}') as currency,
    from {{ ref('int_orders') }} as orders
    inner join changed_order_ids on orders.order_id = changed_order_ids.order_id
    inner join {{ ref('int_identifier_profiles') }} as buyers
        on orders.identifier_id = buyers.identifier_id
    where orders.ordered_at is not null and orders.cancelled_at is null

),

buyer_identifiers as (

    select
        identifier_id,
        profile_id,
    from {{ ref('int_identifier_profiles') }}
    where profile_id in (select changed_orders.profile_id from changed_orders)

),

buyer_touches as (

    select
        touches.message_id,
        buyer_identifiers.profile_id,
        touches.occurred_at,
    from {{ ref('message_events') }} as touches
    inner join buyer_identifiers on touches.profile_id = buyer_identifiers.identifier_id
    where
        touches.event in ({{ touch_events }})
        and not touches.is_machine
        and touches.occurred_at > (
            select {{ add_seconds(
                'min(changed_orders.ordered_at)', -86400 * var('attribution_window_days')
            ) }}
            from changed_orders
        )

),

order_touches as (

    select
        changed_orders.order_id,
        changed_orders.profile_id,
        changed_orders.ordered_at,
        changed_orders.revenue,
        changed_orders.currency,
        buyer_touches.message_id,
        min(buyer_touches.occurred_at) as first_touched_at,
        max(buyer_touches.occurred_at) as last_touched_at,
    from changed_orders
    inner join buyer_touches
        on
            changed_orders.profile_id = buyer_touches.profile_id
            and changed_orders.ordered_at >= buyer_touches.occurred_at
            and changed_orders.ordered_at < {{ add_seconds(
                'buyer_touches.occurred_at',
                86400 * var('attribution_window_days'),
            ) }}
    group by
        changed_orders.order_id,
        changed_orders.profile_id,
        changed_orders.ordered_at,
        changed_orders.revenue,
        changed_orders.currency,
        buyer_touches.message_id

),

ranked_touches as (

    select
        *,
        row_number() over (
            partition by order_id order by first_touched_at, message_id
        ) as first_rank,
        row_number() over (
            partition by order_id order by last_touched_at desc, message_id asc
        ) as last_rank,
        count(*) over (partition by order_id) as touch_count,
    from order_touches

),

-- what is left for the middle goes to both ends where there is no middle
position_weights as (

    select
        *,
        case when first_rank = 1 then 1 else 0 end
        + case when last_rank = 1 then 1 else 0 end as end_count,
        count(*) filter (where first_rank > 1 and last_rank > 1) over (
            partition by order_id
        ) as middle_count,
    from ranked_touches

),

weighted_touches as (

    select
        *,
        'time_decay' as model,
        {{ half_life_weight(
            dbt.datediff('last_touched_at', 'ordered_at', 'second'), var('attribution_half_life_days')
        ) }} as weight,
    from position_weights
    union all
    select
        *,
        'position' as model,
        case
            when middle_count = 0 then end_count
            when end_count > 0 then 0.4 * end_count
            else 0.2 / middle_count
        end as weight,
    from position_weights

),

cumulated_touches as (

    select
        *,
        case
            when first_rank = touch_count then 1
            else sum(weight) over (
                partition by model, order_id order by first_rank
                rows between unbounded preceding and current row
            ) / sum(weight) over (partition by model, order_id)
        end as share_to,
    from weighted_touches

),

bounded_touches as (

    select
        *,
        lag(share_to, 1, 0) over (
            partition by model, order_id order by first_rank
        ) as share_from,
    from cumulated_touches

),

credited_touches as (

    select
        *,
        'first_touch' as model,
        1 as share_count,
    from ranked_touches
    where first_rank = 1
    union all
    select
        *,
        'last_touch' as model,
        1 as share_count,
    from ranked_touches
    where last_rank = 1
    union all
    select
        *,
        'linear' as model,
        touch_count as share_count,
    from ranked_touches

)

{%- set parts = {
    'credited_touches': {
        'credit': split_evenly(1, 6, 'share_count', 'first_rank'),
        'revenue': split_evenly('revenue', 2, 'share_count', 'first_rank'),
    },
    'bounded_touches': {
        'credit': part_between(1, 6, 'share_from', 'share_to'),
        'revenue': part_between('revenue', 2, 'share_from', 'share_to'),
    },
} %}
{% for touches, part in parts.items() %}
select
    order_id,
    message_id,
    model,
    profile_id,
    ordered_at,
    last_touched_at as touched_at,
    {{ part.credit }} as credit,
    {{ part.revenue }} as revenue,
    currency,
    {{ as_of() }} as seen_at,
from {{ touches }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
{%- if is_incremental() %}

union all

-- an order that nothing has caused after all loses its credits: see `retired` in the YAML
select
    order_id,
    cast(null as varchar) as message_id,
    cast(null as varchar) as model,
    cast(null as varchar) as profile_id,
    cast(null as timestamp) as ordered_at,
    cast(null as timestamp) as touched_at,
    cast(null as decimal(18, 6)) as credit,
    cast(null as decimal(18, 2)) as revenue,
    cast(null as varchar) as currency,
    {{ as_of() }} as seen_at,
from changed_order_ids
where order_id not in (select order_id from order_touches)
{%- endif %}
