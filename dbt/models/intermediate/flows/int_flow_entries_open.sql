with

candidates as (
    select * from {{ ref('int_flow_candidates') }}
),

flows as (
    select * from {{ ref('stg_flows__flows') }}
),

open_entries as (
    select
        flow,
        entry_id,
        profile_id,
        entered_at,
        held_out,
        coalesce(exits_count_from, entered_at) as exits_count_from,
        max(case when kind = 'decided' then coalesce(due_at, logged_at) end) as decided_at,
        max_by(step, case when kind = 'decided' then logged_at end) as last_step,
        max_by(flow_version, case when kind = 'decided' then logged_at end)
            as last_flow_version,
    from {{ flow_log_so_far() }}
    where {{ is_remembered('entered_at') }}
    group by
        flow,
        entry_id,
        profile_id,
        entered_at,
        held_out,
        coalesce(exits_count_from, entered_at)
    having count(case when kind = 'exited' then 1 end) = 0
),

-- who came in when, as far back as it may matter
entered as (
    select
        flow,
        entry_id,
        profile_id,
        entered_at,
    from {{ flow_log_so_far() }}
    where
        kind = 'entered'
        {{ and_on_ticks(is_remembered('entered_at')) }}
    union all
    select
        flow,
        entry_id,
        profile_id,
        entered_at,
    from {{ flow_first_entries_so_far() }}
),

-- entries of a candidate's person under any identifier she ever had, and of whom she was
-- taken for until somebody unlinked them: nobody knows whose those were
person_entries as (
    select
        candidates.flow,
        candidates.entry_id as candidate_entry_id,
        entered.entry_id,
        entered.entered_at,
    from candidates
    inner join {{ ref('int_flow_identifiers') }} as identifiers
        on candidates.profile_id = identifiers.profile_id
    inner join entered
        on candidates.flow = entered.flow
        and identifiers.identifier_id = entered.profile_id
    union all
    select
        candidates.flow,
        candidates.entry_id as candidate_entry_id,
        entered.entry_id,
        entered.entered_at,
    from candidates
    inner join {{ ref('int_profiles_unlinked') }} as unlinked
        on candidates.profile_id = unlinked.profile_id
    inner join {{ ref('int_flow_identifiers') }} as identifiers
        on unlinked.former_profile_id = identifiers.profile_id
    inner join entered
        on candidates.flow = entered.flow
        and identifiers.identifier_id = entered.profile_id
        and entered.entered_at between unlinked.linked_at and unlinked.unlinked_at
),

past_entries as (
    select
        person_entries.flow,
        person_entries.candidate_entry_id,
        max(person_entries.entered_at) as last_entered_at,
        count(open_entries.entry_id) as open_count,
    from person_entries
    left join open_entries
        on person_entries.flow = open_entries.flow
        and person_entries.entry_id = open_entries.entry_id
    group by person_entries.flow, person_entries.candidate_entry_id
),

known_entries as (
    select
        flow,
        entry_id,
    from entered
    where {{ is_remembered('entered_at') }}
),

new_entries as (
    select candidates.*
    from candidates
    left join past_entries
        on candidates.flow = past_entries.flow
        and candidates.entry_id = past_entries.candidate_entry_id
    left join known_entries
        on candidates.flow = known_entries.flow
        and candidates.entry_id = known_entries.entry_id
    where
        known_entries.entry_id is null
        and candidates.entered_at <= {{ as_of() }}
        and {{ add_seconds('candidates.entered_at', 'candidates.enter_within_seconds') }}
        > {{ as_of() }}
        and (
            candidates.reenter = 'always'
            or past_entries.flow is null
            or (
                candidates.reenter = 'after'
                and past_entries.open_count = 0
                and candidates.entered_at >= {{ add_seconds(
                    'past_entries.last_entered_at', 'candidates.reenter_after_seconds'
                ) }}
            )
        )
    qualify
        candidates.reenter = 'always'
        or row_number() over (
            partition by candidates.flow, candidates.profile_id
            order by candidates.entered_at, candidates.entry_id
        ) = 1
),

all_entries as (
    select
        open_entries.*,
        false as is_new,
        cast(null as json) as context,
    from open_entries
    union all
    select
        flow,
        entry_id,
        profile_id,
        entered_at,
        held_out,
        exits_count_from,
        null as decided_at,
        null as last_step,
        null as last_flow_version,
        true as is_new,
        context,
    from new_entries
)

select
    all_entries.*,
    flows.flow_version,
    flows.kind as flow_kind,
    coalesce(identifiers.profile_id, all_entries.profile_id) as person_id,
    {{ add_seconds('all_entries.entered_at', 'flows.max_age_seconds') }}
    <= {{ as_of() }}
    or not {{ is_remembered('all_entries.entered_at', margin_days=30) }} as is_expired,
    -- one person, who was known as two when they entered
    flows.reenter != 'always'
    and row_number() over (
        partition by
            all_entries.flow,
            coalesce(identifiers.profile_id, all_entries.profile_id)
        order by all_entries.entered_at, all_entries.entry_id
    ) > 1 as is_double,
    -- two people, who were taken for one when they entered
    exists(
        select 1 from {{ ref('int_profiles_unlinked') }} as unlinked
        where
            unlinked.profile_id = coalesce(identifiers.profile_id, all_entries.profile_id)
            and all_entries.entered_at between unlinked.linked_at and unlinked.unlinked_at
    ) as is_unlinked,
from all_entries
inner join flows on all_entries.flow = flows.flow
left join {{ ref('int_flow_identifiers') }} as identifiers
    on all_entries.profile_id = identifiers.identifier_id
