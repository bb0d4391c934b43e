-- What a thousand messages of each flow cost, and what came back: as credited, and as the hold-out says.
select
    flow,
    sent_count,
    vendor_cost,
    discount_cost,
    compute_cost,
    cost_per_1000_sends,
    revenue,
    return_on_cost,
    caused_revenue_low,
    caused_revenue,
    caused_revenue_high,
    caused_return_on_cost,
from flow_costs
order by cost_per_1000_sends desc, flow
