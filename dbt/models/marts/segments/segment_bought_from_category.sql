with

order_items as (

    select * from {{ ref('int_order_items') }}
    where category = '{{ var("segment_category") }}'

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

buyers as (

    select distinct identifiers.profile_id
    from order_items
    inner join identifiers on order_items.identifier_id = identifiers.identifier_id

)

select profile_id from buyers
