with

requests as (

    select * from {{ ref('int_stock_requests') }}
    where {{ in_last_days('requested_at', var('notify_me_days'), as_of()) }}

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

purchases as (

    select
        identifiers.profile_id,
        items.product_id,
        items.ordered_at,
    from {{ ref('int_order_items') }} as items
    inner join identifiers on items.identifier_id = identifiers.identifier_id
    where
        -- where nobody waits, nothing is read
        items.ordered_at >= (
            select coalesce(min(requested_at), {{ ever_after() }}) from requests
        )
        and items.product_id in (select product_id from requests)

),

waiting as (

    select
        requests.request_id,
        {{ hash_id(["'back_in_stock'", 'requests.request_id']) }} as entry_id,
        identifiers.profile_id,
        requests.product_id,
        requests.variant_id,
        requests.requested_at,
        min(purchases.ordered_at) as bought_at,
    from requests
    inner join identifiers on requests.identifier_id = identifiers.identifier_id
    left join purchases
        on
            identifiers.profile_id = purchases.profile_id
            and requests.product_id = purchases.product_id
            and requests.requested_at <= purchases.ordered_at
    group by all

)

select * from waiting
