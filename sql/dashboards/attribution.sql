-- Revenue that each flow earns under each attribution model, beside what its hold-out says that it caused.
select
    name as flow,
    coalesce(sum(revenue) filter (where model = 'first_touch'), 0) as first_touch,
    coalesce(sum(revenue) filter (where model = 'linear'), 0) as linear,
    coalesce(sum(revenue) filter (where model = 'time_decay'), 0) as time_decay,
    coalesce(sum(revenue) filter (where model = 'position'), 0) as position,
    coalesce(sum(revenue) filter (where model = 'last_touch'), 0) as last_touch,
    coalesce(sum(revenue) filter (where model = 'markov'), 0) as markov,
    coalesce(sum(revenue) filter (where model = 'shapley'), 0) as shapley,
    max(caused_revenue_low) as caused_revenue_low,
    max(caused_revenue) as caused_revenue,
    max(caused_revenue_high) as caused_revenue_high,
    round(max(cost), 2) as cost,
    max(currency) as currency,
    max(calibration_warning) as warning,
from attribution
where dimension = 'flow'
group by name
order by last_touch desc, name
