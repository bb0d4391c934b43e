{{ config(materialized='view') }}

with

attributes as (

    select * from {{ ref('int_product_attributes') }}

),

products as (

    select
        product_id,
        max(case when attribute = 'name' then value end) as name,
        max(case when attribute = 'category' then value end) as category,
        cast(max(case when attribute = 'price' then value end) as decimal(18, 4)) as price,
        coalesce(
            max(case when attribute = 'currency' then value end),
            '{{ var("shop_currency") }}'
        ) as currency,
        cast(cast(
            max(case when attribute = 'inventory_quantity' then value end) as decimal(18, 4)
        ) as bigint) as stock,
        max(case when attribute = 'url' then value end) as url,
        max(case when attribute = 'image_url' then value end) as image_url,
        max(occurred_at) as updated_at,
    from attributes
    group by product_id

)

select * from products
