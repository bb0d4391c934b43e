select
    reason,
    product_id,
    neighbour_id,
    score,
from {{ ref('int_products_similar') }}

union all

select
    'session' as reason,
    product_id,
    neighbour_id,
    score,
from {{ ref('int_products_viewed_next') }}
