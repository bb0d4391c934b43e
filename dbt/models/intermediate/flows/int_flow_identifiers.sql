{{ config(materialized='table') }}

{#- Looked up once: the parts of the engine would each search all identifiers that there are. -#}
with

recorded as (
    select profile_id
    from {{ flow_log_so_far() }}
    where {{ is_remembered('entered_at') }}
    group by flow, entry_id, profile_id
    having count(case when kind = 'exited' then 1 end) = 0
    union
    -- a message may wait longer than its entry lasts
    select profile_id
    from {{ flow_log_so_far() }}
    where
        kind = 'decided'
        and {{ may_be_pending('logged_at') }}
    union
    select profile_id from {{ ref('int_flow_candidates') }}
),

known as (
    select distinct profile_id
    from {{ ref('int_identifier_profiles') }}
    where identifier_id in (select recorded.profile_id from recorded)
),

people as (
    select profile_id from known
    union
    select former_profile_id
    from {{ ref('int_profiles_unlinked') }}
    where profile_id in (select known.profile_id from known)
)

select
    identifier_id,
    identifier_type,
    identifier,
    profile_id,
    moved_at,
from {{ ref('int_identifier_profiles') }}
where profile_id in (select people.profile_id from people)
