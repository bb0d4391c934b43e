-- Recomputes the orders of the delta, the orders that a touch of the delta may have
-- caused, and the orders of people whose identity changed.
with

orders as (

    select * from {{ ref('orders') }}

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

touches as (

    select * from {{ ref('message_events') }}
    where
        event in ('{{ var("attribution_touches") | join("', '") }}')
        and not is_machine

),

new_touches as (

    select
        identifiers.profile_id,
        touches.occurred_at,
    from touches
    inner join identifiers on touches.profile_id = identifiers.identifier_id
    where {{ is_new('touches.seen_at') }}

),

relinked_profiles as (

    select profile_id
    from identifiers
    where {{ is_new() }}

),

changed_orders as (

    select * from orders
    where
        {{ is_new() }}
        or profile_id in (select relinked_profiles.profile_id from relinked_profiles)
        or order_id in (
            select touched_orders.order_id
            from orders as touched_orders
            inner join new_touches
                on
                    touched_orders.profile_id = new_touches.profile_id
                    and touched_orders.ordered_at >= new_touches.occurred_at
        )

),

buyer_identifiers as (

    select
        identifier_id,
        profile_id,
    from identifiers
    where profile_id in (select changed_orders.profile_id from changed_orders)

),

touch_events as (

    select
        touches.message_id,
        buyer_identifiers.profile_id,
        touches.occurred_at,
    from touches
    inner join buyer_identifiers on touches.profile_id = buyer_identifiers.identifier_id

),

order_touches as (

    select
        changed_orders.order_id,
        changed_orders.profile_id,
        changed_orders.ordered_at,
        changed_orders.revenue,
        changed_orders.currency,
        touch_events.message_id,
        min(touch_events.occurred_at) as first_touched_at,
        max(touch_events.occurred_at) as last_touched_at,
    from changed_orders
    inner join touch_events
        on
            changed_orders.profile_id = touch_events.profile_id
            and touch_events.occurred_at <= changed_orders.ordered_at
            and touch_events.occurred_at
            > {{ add_seconds('changed_orders.ordered_at', '-86400 * ' ~ var('attribution_window_days')) }}
    group by
        changed_orders.order_id,
        changed_orders.profile_id,
        changed_orders.ordered_at,
        changed_orders.revenue,
        changed_orders.currency,
        touch_events.message_id

),

ranked_touches as (

    select
        *,
        row_number() over (
            partition by order_id order by first_touched_at, message_id
        ) as first_rank,
        row_number() over (
            partition by order_id order by last_touched_at desc, message_id
        ) as last_rank,
        count(*) over (partition by order_id) as touch_count,
    from order_touches

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

select
    order_id,
    message_id,
    model,
    profile_id,
    ordered_at,
    last_touched_at as touched_at,
    {{ split_evenly(1, 6, 'share_count', 'first_rank') }} as credit,
    {{ split_evenly('revenue', 2, 'share_count', 'first_rank') }} as revenue,
    currency,
    {{ as_of() }} as seen_at,
from credited_touches
