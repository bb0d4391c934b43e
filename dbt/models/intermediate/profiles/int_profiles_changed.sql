{{ config(materialized='table') }}

{#- A table although one model reads it: DuckDB plans joins by the size of a table, and takes a fifth of all profiles
    for those newer than a moment. The first run of a day names everyone, and so does a run without earlier stays, or
    one of a changed project: a segment may be new, gone or another. -#}
with

last_run as (

    {% if var('is_tick', false) -%}
    select
        case
            when cast(max(seen_at) as date) = cast({{ as_of() }} as date) then max(seen_at)
            else {{ never() }}
        end as seen_at,
    from {{ segment_memberships_so_far() }}
    {%- else -%}
    select {{ never() }} as seen_at
    {%- endif %}

)

select profile_id
from {{ ref('profiles') }}
where seen_at > (select last_run.seen_at from last_run)

union

select profile_id
from {{ ref('profiles') }}
where scored_at > (select last_run.seen_at from last_run)

union

-- the former profiles of whom a merge has made another
select identifier_id as profile_id
from {{ ref('int_identifier_profiles') }}
where
    seen_at > (select last_run.seen_at from last_run)
    and identifier_id <> profile_id
