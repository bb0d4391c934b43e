{{ config(tags=['nightly']) }}

with

people as (

    select
        profile_id,
        favourite_category,
    from {{ ref('profiles') }}

),

recommended as (

    select * from ({{ recommended_products('people') }}) as lists

)

select
    profile_id,
    cast(rank as bigint) as rank,
    product_id,
    cast(score as double) as score,
    reason,
    because_of_product_id,
from recommended
