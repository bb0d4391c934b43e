-- Campaigns side by side: audience, rates of the messages that arrived, revenue, return on cost.
select
    campaign,
    date,
    audience_count,
    sent_count,
    round(open_share, 4) as open_share,
    round(click_share, 4) as click_share,
    round(conversion_share, 4) as conversion_share,
    revenue,
    round(cost, 2) as cost,
    round(return_on_cost, 2) as return_on_cost,
    currency,
from campaign_performance
order by date desc, campaign
