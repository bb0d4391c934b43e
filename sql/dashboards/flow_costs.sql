-- What a thousand messages of each flow cost, and what came back: as credited, and as the hold-out says.
select
    flow,
    sent_count,
    round(vendor_cost, 2) as vendor_cost,
    round(discount_cost, 2) as discount_cost,
    round(compute_cost, 2) as compute_cost,
    round(cost_per_1000_sends, 2) as cost_per_1000_sends,
    revenue,
    round(return_on_cost, 2) as return_on_cost,
    caused_revenue_low,
    caused_revenue,
    caused_revenue_high,
    round(caused_return_on_cost, 2) as caused_return_on_cost,
    currency,
from flow_costs
order by flow_costs.cost_per_1000_sends desc, flow
