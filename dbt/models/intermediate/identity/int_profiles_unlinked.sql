{{ config(materialized='table') }}

with

unlinked as (

    select * from {{ ref('int_identifier_links') }} where is_unlinked

),

halves as (

    select
        weaker.profile_id as left_profile_id,
        stronger.profile_id as right_profile_id,
        coalesce(unlinked.linked_at, unlinked.judged_at) as linked_at,
        unlinked.judged_at as unlinked_at,
    from unlinked
    inner join {{ ref('int_identifier_profiles') }} as weaker
        on unlinked.identifier_id = weaker.identifier_id
    inner join {{ ref('int_identifier_profiles') }} as stronger
        on unlinked.linked_identifier_id = stronger.identifier_id
    where weaker.profile_id <> stronger.profile_id

),

both_ways as (

    select
        left_profile_id as profile_id,
        right_profile_id as former_profile_id,
        linked_at,
        unlinked_at,
    from halves

    union all

    select
        right_profile_id as profile_id,
        left_profile_id as former_profile_id,
        linked_at,
        unlinked_at,
    from halves

)

select
    profile_id,
    former_profile_id,
    min(linked_at) as linked_at,
    max(unlinked_at) as unlinked_at,
from both_ways
group by profile_id, former_profile_id
