{#- Waves: each as large as the stock of the moment, the first when it is back, the others spread over fifty minutes,
    a quarter of an hour apart at most and a minute at least. A run that comes later than that releases one wave. -#}

with

waitlist as (

    select * from {{ ref('int_waitlist') }} where bought_at is null

),

changes as (

    select
        product_id,
        coalesce(variant_id, '') as variant,
        stock,
        changed_at,
        event_id,
        stock > 0
        and coalesce(
            lag(stock) over (
                partition by product_id, coalesce(variant_id, '')
                order by changed_at, event_id
            ), 0
        ) <= 0 as is_return,
    from {{ ref('int_stock_changes') }}
    where
        product_id in (select product_id from waitlist)
        and {{ in_last_days('changed_at', var('notify_me_days'), as_of()) }}

),

stock as (

    select
        product_id,
        variant,
        stock,
        max(case when is_return then changed_at end) over (
            partition by product_id, variant
        ) as returned_at,
    from changes
    qualify
        row_number() over (
            partition by product_id, variant
            order by changed_at desc, event_id desc
        ) = 1

),

told as (

    select
        entry_id,
        logged_at as told_at,
    from {{ flow_log_so_far() }} as flow_log
    where flow = 'back_in_stock' and kind = 'entered'

),

-- a variant of which nothing is known is as available as its product
asked as (

    select
        waitlist.*,
        stock.variant,
        stock.stock,
        stock.returned_at,
        max(told.told_at) over (
            partition by waitlist.profile_id, waitlist.product_id, stock.variant
        ) as last_told_at,
    from waitlist
    inner join stock
        on
            waitlist.product_id = stock.product_id
            and stock.variant in (coalesce(waitlist.variant_id, ''), '')
    left join told on waitlist.entry_id = told.entry_id
    where stock.stock > 0 and waitlist.requested_at <= stock.returned_at
    qualify
        row_number() over (
            partition by waitlist.request_id order by stock.variant desc
        ) = 1

),

-- first come, first served; whoever asked twice is told once
waiting as (

    select
        *,
        row_number() over (
            partition by product_id, variant order by requested_at, entry_id
        ) as place,
    from (
        select *
        from asked
        where
            (last_told_at is null or last_told_at < requested_at)
            and {{ in_last_days('returned_at', 2, as_of()) }}
        qualify
            row_number() over (
                partition by profile_id, product_id, variant
                order by requested_at, entry_id
            ) = 1
    ) as first_requests

),

waves as (

    select
        product_id,
        variant,
        max(case when last_told_at >= returned_at then last_told_at end) as last_at,
        greatest(
            60,
            least(
                900,
                3000 / greatest(
                    ceil(count(distinct profile_id) * 1.0 / max(stock)) - 1, 1
                )
            )
        ) as pause_seconds,
    from asked
    where
        last_told_at is null
        or last_told_at < requested_at
        or last_told_at >= returned_at
    group by product_id, variant

),

released as (

    select
        waiting.entry_id,
        waiting.profile_id,
        waiting.product_id,
        waiting.variant_id,
        products.name,
        products.price,
        products.currency,
        products.url,
        products.image_url,
    from waiting
    inner join waves
        on
            waiting.product_id = waves.product_id
            and waiting.variant = waves.variant
    inner join {{ ref('products') }} as products
        on waiting.product_id = products.product_id
    where
        waiting.place <= waiting.stock
        and (
            waves.last_at is null
            or {{ add_seconds('waves.last_at', 'waves.pause_seconds') }} <= {{ as_of() }}
        )

)

select
    entry_id,
    profile_id,
    {{ as_of() }} as entered_at,
    {{ json_object(
        ['product_id', 'variant_id', 'name', 'price', 'currency', 'url', 'image_url']
    ) }} as context,
from released
