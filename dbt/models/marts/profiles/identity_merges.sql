{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with

moved as (

    select *
    from {{ ref('int_identifier_profiles') }}
    where moved_at is not null and {{ is_new('moved_at') }}

)

select
    {{ hash_id(['identifier_id', 'moved_at']) }} as merge_id,
    identifier_id,
    identifier_type,
    identifier,
    former_profile_id,
    profile_id,
    case
        when identifier_id = former_profile_id then 'merged'
        when identifier_id = profile_id then 'split'
        else 'followed'
    end as kind,
    guard,
    moved_by_event_id as event_id,
    {{ as_of() }} as merged_at,
    moved_at as seen_at,
from moved
