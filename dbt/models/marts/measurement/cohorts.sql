with

orders as (

    select
        profile_id,
        revenue,
        cast({{ dbt.date_trunc('month', 'ordered_at') }} as date) as order_month,
    from {{ ref('orders') }}
    where profile_id is not null and status <> 'cancelled'

),

customers as (

    select
        profile_id,
        min(order_month) as cohort_month,
    from orders
    group by profile_id

)

select
    customers.cohort_month,
    {{ dbt.datediff('customers.cohort_month', 'orders.order_month', 'month') }}
        as month_number,
    count(distinct orders.profile_id) as customer_count,
    count(*) as order_count,
    cast(sum(orders.revenue) as decimal(18, 2)) as revenue,
    '{{ var("shop_currency") }}' as currency,
from orders
inner join customers on orders.profile_id = customers.profile_id
group by customers.cohort_month, orders.order_month
