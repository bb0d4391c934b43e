with

event_signals as (

    select * from {{ ref('int_event_signals') }}

),

carts as (

    select * from {{ ref('int_carts') }} where emptied_at is not null

),

signals as (

    select
        signal_id,
        identifier_id,
        signal,
        occurred_at,
        reference,
        message_id,
        properties,
        seen_at,
    from event_signals

    union all

    select
        {{ hash_id(["'cart_emptied'", 'cart_id', 'emptied_at']) }} as signal_id,
        identifier_id,
        'cart_emptied' as signal,
        emptied_at as occurred_at,
        cart_id as reference,
        null as message_id,
        null as properties,
        seen_at,
    from carts

)

select * from signals
