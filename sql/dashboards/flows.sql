-- What each flow did in the last 30 days, best earner first.
select
    flow,
    sum(entered_count) as entered,
    sum(held_out_count) as held_out,
    sum(sent_count) as sent,
    sum(delivered_count) / nullif(sum(sent_count), 0) as delivered_share,
    sum(opened_count) / nullif(sum(sent_count), 0) as opened_share,
    sum(clicked_count) / nullif(sum(sent_count), 0) as clicked_share,
    sum(converted_count) / nullif(sum(sent_count), 0) as converted_share,
    sum(unsubscribed_count) / nullif(sum(sent_count), 0) as unsubscribed_share,
    sum(revenue) as revenue,
    sum(cost) as cost,
from flow_performance
where date > (select max(date) - 30 from flow_performance)
group by flow
order by revenue desc, flow
