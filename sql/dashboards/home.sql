-- The last 30 days beside the 30 days before: revenue, what messages earned, contacts.
with

kpis as (

    select
        *,
        (select max(date) from daily_kpis) - date as age_days,
    from daily_kpis

)

select
    case when age_days < 30 then 'last 30 days' else '30 days before' end as period,
    sum(order_count) as orders,
    sum(revenue) as revenue,
    sum(new_customer_count) as new_customers,
    sum(attributed_revenue) as revenue_from_messages,
    round(sum(attributed_revenue) / nullif(sum(revenue), 0), 4) as share_from_messages,
    sum(new_profile_count) as new_contacts,
    sum(subscribed_count) - sum(unsubscribed_count) as net_opt_ins,
    sum(sent_count) as messages_sent,
    round(sum(cost), 2) as message_cost,
    max(currency) as currency,
from kpis
where age_days < 60
group by case when age_days < 30 then 'last 30 days' else '30 days before' end
order by min(age_days)
