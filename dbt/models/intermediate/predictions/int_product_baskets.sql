{{ config(tags=['nightly']) }}

{#- At most 50 products of a basket count, the latest, and of an order drawn by hash: pairs grow with the square. -#}
{%- set most = 50 -%}

with

order_items as (

    select
        items.order_id,
        identifiers.profile_id,
        items.product_id,
        items.ordered_at,
    from {{ ref('int_order_items') }} as items
    left join {{ ref('int_identifier_profiles') }} as identifiers
        on items.identifier_id = identifiers.identifier_id
    where
        items.product_id is not null
        and {{ in_last_days('items.ordered_at', var('recommendation_days'), as_of()) }}

),

baskets as (

    select
        'bought_together' as reason,
        'order ' || order_id as basket_id,
        product_id,
        max(ordered_at) as happened_at,
    from order_items
    group by order_id, product_id

    union all

    select
        'bought_together' as reason,
        'person ' || profile_id as basket_id,
        product_id,
        max(ordered_at) as happened_at,
    from order_items
    where profile_id is not null
    group by profile_id, product_id

    union all

    select
        'viewed_together' as reason,
        'session ' || session_id as basket_id,
        product_id,
        max(viewed_at) as happened_at,
    from {{ ref('int_products_viewed') }}
    group by session_id, product_id

),

capped as (

    select *
    from baskets
    qualify
        row_number() over (
            partition by basket_id
            order by happened_at desc, {{ hash_id(['basket_id', 'product_id']) }}
        ) <= {{ most }}

)

select
    reason,
    basket_id,
    product_id,
    -- the square root of a weight that halves, so that products of two are that weight
    {{ decay('happened_at', 2 * var('recommendation_half_life_days')) }} as weight,
from capped
