-- candidates = scheduled + skipped + deferred, and each candidate is in the list exactly once
with

candidates as (
    select message_id from {{ ref('int_message_candidates') }}
),

listed as (
    select
        message_id,
        count(*) as row_count,
        count(case when (status = 'scheduled') = (reason is null) then 1 end)
            as explained_count,
    from {{ ref('send_list') }}
    group by message_id
)

select
    candidates.message_id as candidate_id,
    listed.message_id as listed_id,
    listed.row_count,
    listed.explained_count,
from candidates
full outer join listed on candidates.message_id = listed.message_id
where
    candidates.message_id is null
    or listed.message_id is null
    or listed.row_count != 1
    or listed.explained_count != 1
