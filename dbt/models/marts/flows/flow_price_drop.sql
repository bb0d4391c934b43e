with

attributes as (

    select * from {{ ref('int_product_attributes') }}

),

products as (

    select * from {{ ref('products') }}

),

signals as (

    select * from {{ ref('int_signals') }}

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

-- what the catalogue has said about prices lately; most of it changes nothing
told_prices as (

    select
        attributes.product_id,
        attributes.occurred_at as told_at,
        products.name,
        products.price,
        products.currency,
        products.url,
        products.image_url
    from attributes
    inner join products on attributes.product_id = products.product_id
    where
        attributes.attribute = 'price'
        and attributes.is_catalogue
        and {{ in_last_days('attributes.occurred_at', 2, as_of()) }}
        and coalesce(products.stock, 1) > 0

),

-- where the catalogue has said nothing, nothing is read
recent_signals as (

    select
        identifiers.profile_id,
        signals.signal,
        signals.occurred_at,
        {{ json_text('signals.properties', '$.product_id') }} as product_id,
        {{ json_decimal('signals.properties', '$.price') }} as price
    from signals
    inner join identifiers on signals.identifier_id = identifiers.identifier_id
    where
        signals.signal in ('product_viewed', 'product_added', 'ordered')
        and signals.occurred_at > (
            select
                coalesce(
                    {{ add_seconds('min(told_prices.told_at)', -30 * 86400) }}, {{ as_of() }}
                )
            from told_prices
        )

),

last_orders as (

    select
        profile_id,
        max(occurred_at) as ordered_at
    from recent_signals
    where signal = 'ordered'
    group by profile_id

),

-- the price at which somebody last looked at the product or put it into a cart
seen_prices as (

    select
        recent_signals.profile_id,
        told_prices.*,
        recent_signals.price as old_price,
        recent_signals.occurred_at as seen_at
    from recent_signals
    inner join told_prices on recent_signals.product_id = told_prices.product_id
    where
        recent_signals.signal <> 'ordered'
        and recent_signals.price is not null
        and recent_signals.occurred_at < told_prices.told_at
        and recent_signals.occurred_at
        > {{ add_seconds('told_prices.told_at', -30 * 86400) }}
    qualify
        row_number() over (
            partition by recent_signals.profile_id, told_prices.product_id
            order by recent_signals.occurred_at desc, recent_signals.price
        ) = 1

),

drops as (

    select
        seen_prices.*,
        row_number() over (
            partition by seen_prices.profile_id
            order by seen_prices.old_price - seen_prices.price desc, seen_prices.product_id
        ) as place
    from seen_prices
    left join last_orders on seen_prices.profile_id = last_orders.profile_id
    where
        seen_prices.price <= 0.95 * seen_prices.old_price
        and coalesce(last_orders.ordered_at < seen_prices.seen_at, true)

),

people as (

    select
        profile_id,
        max(case when place = 1 then product_id end) as product_id,
        max(case when place = 1 then price end) as price,
        max(told_at) as entered_at,
        {{ json_list(
            json_object(
                ['product_id', 'name', 'price', 'old_price', 'currency', 'url', 'image_url']
            ),
            order_by='place',
        ) }} as items
    from drops
    where place <= 4
    group by profile_id

),

entries as (

    select
        {{ hash_id(["'price_drop'", 'profile_id', 'product_id', 'price']) }} as entry_id,
        profile_id,
        entered_at,
        {{ json_object(['items']) }} as context
    from people

)

select * from entries
