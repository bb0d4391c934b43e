-- Revenue that each flow earns under each attribution model.
select
    sends.flow,
    sum(attributed_orders.revenue) filter (where model = 'first_touch') as first_touch,
    sum(attributed_orders.revenue) filter (where model = 'linear') as linear,
    sum(attributed_orders.revenue) filter (where model = 'last_touch') as last_touch,
from attributed_orders
inner join sends on attributed_orders.message_id = sends.message_id
group by sends.flow
order by last_touch desc, sends.flow
