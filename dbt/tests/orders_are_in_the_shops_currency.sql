{#- Amounts are added up as they are: an order in another currency counts as if it were in the shop's. -#}
{{ config(severity='warn') }}

select
    order_id,
    ordered_at,
    currency,
    revenue,
from {{ ref('orders') }}
where currency <> '{{ var("shop_currency") }}'
