-- What each flow did in the last 30 days, best earner first; rates are shares of the messages that arrived.
with

recent as (

    select *
    from flow_performance
    where date > (select max(date) - 30 from flow_performance)

),

-- people, where flow_performance counts their steps
held_out as (

    select
        flow,
        count(*) as held_out,
    from flow_entries
    where
        held_out
        and cast(entered_at as date) > (select max(date) - 30 from flow_performance)
    group by flow

)

select
    recent.flow,
    sum(recent.entered_count) as entered,
    coalesce(max(held_out.held_out), 0) as held_out,
    sum(recent.sent_count) as sent,
    round(
        sum(recent.bounced_count)
        / nullif(sum(recent.reached_count) + sum(recent.bounced_count), 0), 4
    ) as bounced_share,
    round(sum(recent.opened_count) / nullif(sum(recent.reached_count), 0), 4)
        as open_share,
    round(sum(recent.clicked_count) / nullif(sum(recent.reached_count), 0), 4)
        as click_share,
    round(sum(recent.converted_count) / nullif(sum(recent.reached_count), 0), 4)
        as conversion_share,
    round(sum(recent.unsubscribed_count) / nullif(sum(recent.reached_count), 0), 4)
        as unsubscribed_share,
    sum(recent.revenue) as revenue,
    round(sum(recent.cost), 2) as cost,
    max(recent.currency) as currency,
from recent
left join held_out on recent.flow = held_out.flow
group by recent.flow
order by revenue desc, recent.flow
