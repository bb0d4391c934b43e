-- Must be empty: orders whose credited revenue is not the order's revenue, to the cent.
select
    attributed_orders.order_id,
    attributed_orders.model,
    orders.revenue,
    sum(attributed_orders.revenue) as credited_revenue,
    sum(attributed_orders.credit) as credit,
from attributed_orders
inner join orders on attributed_orders.order_id = orders.order_id
group by attributed_orders.order_id, attributed_orders.model, orders.revenue
having
    sum(attributed_orders.revenue) <> orders.revenue
    or sum(attributed_orders.credit) <> 1
order by attributed_orders.order_id, attributed_orders.model
