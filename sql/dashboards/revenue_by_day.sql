-- Revenue and the part of it that messages touched, day by day for 90 days.
select
    date,
    revenue,
    attributed_revenue,
    currency,
    order_count,
    sent_count,
from daily_kpis
where date > (select max(date) - 90 from daily_kpis)
order by date
