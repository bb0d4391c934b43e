with

messages as (
    select * from {{ ref('int_messages_due') }}
),

products as (
    select * from {{ ref('products') }}
),

order_items as (
    select * from {{ ref('order_items') }}
),

identifiers as (
    select * from {{ ref('profile_identifiers') }}
),

best_sellers as (
    select
        products.product_id,
        products.name,
        products.category,
        products.price,
        products.currency,
        products.url,
        products.image_url,
        sum(order_items.quantity) as quantity,
    from order_items
    inner join products on order_items.product_id = products.product_id
    where
        {{ in_last_days('order_items.ordered_at', 90, as_of()) }}
        and coalesce(products.stock, 1) > 0
    group by
        products.product_id,
        products.name,
        products.category,
        products.price,
        products.currency,
        products.url,
        products.image_url
    order by quantity desc, products.product_id
    limit 40
),

people as (
    select distinct person_id from messages
),

bought as (
    select distinct
        people.person_id,
        order_items.product_id,
    from people
    inner join identifiers on people.person_id = identifiers.profile_id
    inner join order_items on identifiers.identifier_id = order_items.identifier_id
),

-- what many bought lately and this person did not
recommended as (
    select
        people.person_id,
        best_sellers.*,
        row_number() over (
            partition by people.person_id
            order by best_sellers.quantity desc, best_sellers.product_id
        ) as place,
    from people
    cross join best_sellers
    left join bought
        on people.person_id = bought.person_id
        and best_sellers.product_id = bought.product_id
    where bought.product_id is null
    qualify place <= 4
)

select
    person_id,
    {{ json_list(
        json_object([
            'product_id', 'name', 'category', 'price', 'currency', 'url', 'image_url',
        ]),
        order_by='place',
    ) }} as recommendations,
from recommended
group by person_id
