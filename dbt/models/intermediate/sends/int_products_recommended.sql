{#- How many a message shows. -#}
{%- set most = 4 -%}

with

messages as (
    select * from {{ ref('int_messages_due') }}
),

people as (
    select distinct
        messages.person_id as profile_id,
        profiles.favourite_category,
    from messages
    left join {{ ref('profiles') }} as profiles on messages.person_id = profiles.profile_id
),

lists as (
    select * from ({{ recommended_products('people') }}) as recommended
),

products as (
    select * from {{ ref('products') }}
),

described as (
    select
        lists.profile_id,
        lists.rank,
        lists.reason,
        reasons.name as because_of,
        products.product_id,
        products.name,
        products.category,
        products.price,
        products.currency,
        products.url,
        products.image_url,
    from lists
    inner join products on lists.product_id = products.product_id
    left join products as reasons on lists.because_of_product_id = reasons.product_id
    where lists.rank <= {{ most }}
)

select
    profile_id as person_id,
    {{ json_list(
        json_object([
            'product_id', 'name', 'category', 'price', 'currency', 'url', 'image_url',
            'reason', 'because_of',
        ]),
        order_by='rank',
    ) }} as recommendations,
from described
group by profile_id
