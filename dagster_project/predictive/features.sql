-- What was known of each customer at each cutoff, and what came after it; one row per customer and cutoff.
-- Training and scoring read this one query: at the last cutoff there is simply no "after" yet.
-- Orders of one day count as one purchase, as the purchase models of the literature have it.
with
{tables}
cutoffs as (

    {cutoffs}

),

purchases as (

    select
        cutoffs.as_of,
        orders.profile_id,
        cast(orders.ordered_at as date) as day,
        min(orders.ordered_at) as ordered_at,
        cast(sum(orders.revenue) as double precision) as revenue
    from cutoffs
    inner join {orders} as orders on orders.ordered_at < cutoffs.as_of
    where
        orders.profile_id is not null
        and hash(orders.profile_id) % {parts} = {part}
        and (orders.cancelled_at is null or orders.cancelled_at >= cutoffs.as_of)
    group by cutoffs.as_of, orders.profile_id, cast(orders.ordered_at as date)

),

spaced as (

    select
        *,
        row_number() over (partition by as_of, profile_id order by day desc) as place_from_last,
        row_number() over (partition by as_of, profile_id order by day) as place,
        date_diff(
            'day', lag(day) over (partition by as_of, profile_id order by day), day
        ) as gap
    from purchases

),

customers as (

    select
        as_of,
        profile_id,
        count(*) as purchases,
        min(day) as first_day,
        max(day) as last_day,
        max(ordered_at) as last_ordered_at,
        date_diff('day', min(day), max(day)) as recency_days,
        date_diff('day', min(day), cast(as_of - interval '1' second as date)) as age_days,
        date_diff('day', max(day), cast(as_of - interval '1' second as date)) as silent_days,
        avg(gap) as mean_gap,
        coalesce(stddev_samp(gap), 0) as gap_spread,
        max(case when place_from_last = 1 then gap end) as last_gap,
        sum(revenue) as revenue,
        avg(revenue) as mean_value,
        avg(case when place > 1 then revenue end) as mean_repeat_value,
        max(case when place_from_last = 1 then revenue end) as last_value,
        sum(case when ordered_at >= as_of - interval '30' day then 1 else 0 end) as purchases_30_days,
        sum(case when ordered_at >= as_of - interval '90' day then 1 else 0 end) as purchases_90_days,
        sum(case when ordered_at >= as_of - interval '180' day then 1 else 0 end) as purchases_180_days,
        sum(case when ordered_at >= as_of - interval '365' day then 1 else 0 end) as purchases_365_days,
        sum(case when ordered_at >= as_of - interval '90' day then revenue else 0 end) as revenue_90_days,
        sum(case when ordered_at >= as_of - interval '365' day then revenue else 0 end) as revenue_365_days
    from spaced
    group by as_of, profile_id

),

visits as (

    select
        cutoffs.as_of,
        sessions.profile_id,
        sum(case when sessions.started_at >= cutoffs.as_of - interval '30' day then 1 else 0 end)
            as visits_30_days,
        count(*) as visits_90_days,
        max(sessions.started_at) as last_visited_at
    from cutoffs
    inner join {sessions} as sessions
        on
            sessions.started_at < cutoffs.as_of
            and sessions.started_at >= cutoffs.as_of - interval '90' day
    where hash(sessions.profile_id) % {parts} = {part}
    group by cutoffs.as_of, sessions.profile_id

),

reactions as (

    select
        cutoffs.as_of,
        coalesce(identifiers.profile_id, message_events.profile_id) as profile_id,
        sum(case when message_events.event = 'opened' then 1 else 0 end) as opens_90_days,
        sum(case when message_events.event = 'clicked' then 1 else 0 end) as clicks_90_days
    from cutoffs
    inner join {message_events} as message_events
        on
            message_events.occurred_at < cutoffs.as_of
            and message_events.occurred_at >= cutoffs.as_of - interval '90' day
    left join profiles.profile_identifiers as identifiers
        on message_events.profile_id = identifiers.identifier_id
    where not message_events.is_machine
    group by cutoffs.as_of, coalesce(identifiers.profile_id, message_events.profile_id)

),

afterwards as (

    select
        cutoffs.as_of,
        orders.profile_id,
        min(orders.ordered_at) as next_ordered_at,
        count(distinct cast(orders.ordered_at as date)) as next_purchases,
        cast(sum(orders.revenue) as double precision) as next_revenue
    from cutoffs
    inner join {orders} as orders
        on
            orders.ordered_at >= cutoffs.as_of
            and orders.ordered_at < cutoffs.as_of + {horizon_days} * interval '1' day
    where
        orders.profile_id is not null
        and orders.cancelled_at is null
        and hash(orders.profile_id) % {parts} = {part}
    group by cutoffs.as_of, orders.profile_id

)

select
    customers.*,
    coalesce(visits.visits_30_days, 0) as visits_30_days,
    coalesce(visits.visits_90_days, 0) as visits_90_days,
    date_diff('day', visits.last_visited_at, customers.as_of) as days_since_visit,
    coalesce(reactions.opens_90_days, 0) as opens_90_days,
    coalesce(reactions.clicks_90_days, 0) as clicks_90_days,
    afterwards.next_ordered_at,
    coalesce(afterwards.next_purchases, 0) as next_purchases,
    coalesce(afterwards.next_revenue, 0) as next_revenue
from customers
left join visits
    on customers.as_of = visits.as_of and customers.profile_id = visits.profile_id
left join reactions
    on customers.as_of = reactions.as_of and customers.profile_id = reactions.profile_id
left join afterwards
    on customers.as_of = afterwards.as_of and customers.profile_id = afterwards.profile_id
order by customers.as_of, customers.profile_id
