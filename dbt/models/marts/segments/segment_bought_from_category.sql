with

categories as (

    select * from {{ ref('int_identifier_categories') }}
    where category = '{{ var("segment_category") }}'

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

buyers as (

    select identifiers.profile_id
    from categories
    inner join identifiers on categories.identifier_id = identifiers.identifier_id
    group by identifiers.profile_id
    having sum(categories.item_count) > 0

)

select profile_id from buyers
