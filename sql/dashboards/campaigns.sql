-- Campaigns side by side: audience, rates, revenue, return on cost.
select
    campaign,
    date,
    audience_count,
    sent_count,
    open_share,
    click_share,
    conversion_share,
    revenue,
    cost,
    return_on_cost,
from campaign_performance
order by date desc, campaign
