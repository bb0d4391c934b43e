with

orders as (

    select * from {{ ref('orders') }} where status <> 'cancelled'

)

select
    cast({{ dbt.date_trunc('month', 'ordered_at') }} as date) as month,
    profile_id is not null as is_known_customer,
    count(*) as order_count,
    count(distinct profile_id) as customer_count,
    cast(sum(revenue) as decimal(18, 2)) as revenue,
    cast(sum(refunded) as decimal(18, 2)) as refunded,
    '{{ var("shop_currency") }}' as currency,
from orders
group by
    cast({{ dbt.date_trunc('month', 'ordered_at') }} as date),
    profile_id is not null
