-- Revenue that each flow earns under each attribution model, beside what its hold-out says that it caused.
select
    name as flow,
    max(cost) as cost,
    sum(revenue) filter (where model = 'first_touch') as first_touch,
    sum(revenue) filter (where model = 'linear') as linear,
    sum(revenue) filter (where model = 'time_decay') as time_decay,
    sum(revenue) filter (where model = 'position') as position,
    sum(revenue) filter (where model = 'last_touch') as last_touch,
    sum(revenue) filter (where model = 'markov') as markov,
    sum(revenue) filter (where model = 'shapley') as shapley,
    max(caused_revenue_low) as caused_revenue_low,
    max(caused_revenue) as caused_revenue,
    max(caused_revenue_high) as caused_revenue_high,
    max(calibration_warning) as warning,
from attribution
where dimension = 'flow'
group by name
order by last_touch desc, name
