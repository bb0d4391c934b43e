with

sessions as (

    select * from {{ ref('sessions') }}

),

signals as (

    select * from {{ ref('int_signals') }}

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

products as (

    select * from {{ ref('products') }}

),

idle_sessions as (

    select
        session_id,
        profile_id,
        started_at,
        ended_at
    from sessions
    where
        profile_id is not null
        and product_view_count >= 2
        and product_added_count = 0
        and order_count = 0
        and {{ in_last_days('ended_at', 3, as_of()) }}

),

recent_signals as (

    select
        identifiers.profile_id,
        signals.signal,
        signals.occurred_at,
        {{ json_text('signals.properties', '$.product_id') }} as product_id
    from signals
    inner join identifiers on signals.identifier_id = identifiers.identifier_id
    where
        signals.signal in ('product_viewed', 'product_added', 'ordered')
        and {{ in_last_days('signals.occurred_at', 4, as_of()) }}

),

viewed_products as (

    select
        idle_sessions.session_id,
        idle_sessions.profile_id,
        recent_signals.product_id,
        max(recent_signals.occurred_at) as viewed_at
    from idle_sessions
    inner join recent_signals
        on
            idle_sessions.profile_id = recent_signals.profile_id
            and recent_signals.signal = 'product_viewed'
            and recent_signals.occurred_at
            between idle_sessions.started_at and idle_sessions.ended_at
    group by
        idle_sessions.session_id, idle_sessions.profile_id, recent_signals.product_id

),

described_products as (

    select
        viewed_products.session_id,
        viewed_products.profile_id,
        viewed_products.product_id,
        viewed_products.viewed_at,
        products.name,
        products.price,
        products.currency,
        products.url,
        products.image_url
    from viewed_products
    left join products on viewed_products.product_id = products.product_id

),

visits as (

    select
        session_id,
        profile_id,
        max(viewed_at) as viewed_at,
        {{ add_seconds('max(viewed_at)', 2 * 3600) }} as entered_at,
        {{ json_list(
            json_object(
                ['product_id', 'name', 'price', 'currency', 'url', 'image_url']
            ),
            order_by='viewed_at desc, product_id',
        ) }} as items
    from described_products
    group by session_id, profile_id
    having count(*) >= 2

),

entries as (

    select
        {{ hash_id(["'browse_abandonment'", 'session_id']) }} as entry_id,
        profile_id,
        entered_at,
        viewed_at as exits_count_from,
        {{ json_object(['items']) }} as context
    from visits
    where
        {{ in_last_days('entered_at', 2, as_of()) }}
        and not exists (
            select 1
            from recent_signals
            where
                recent_signals.profile_id = visits.profile_id
                and recent_signals.signal in ('product_added', 'ordered')
                and recent_signals.occurred_at
                between visits.viewed_at and visits.entered_at
        )

)

select * from entries
