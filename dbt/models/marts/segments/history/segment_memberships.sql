-- A run compares the members of each segment with the open stays. It looks only at
-- profiles in the new events and at segments that time alone changes; the first run of a
-- day looks at everyone, so that an edited segment is never more than a day behind.
{%- set timeless = ["''"] %}
{%- for segment in var('segments') if not changes_with_time(segment) %}
{%- do timeless.append("'" ~ segment[8:] ~ "'") %}
{%- endfor %}
with

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

known_stays as (

    {% if is_incremental() -%}
    select * from {{ this }}
    {%- else -%}
    select
        cast(null as varchar) as membership_id,
        cast(null as varchar) as profile_id,
        cast(null as varchar) as segment,
        cast(null as timestamp) as entered_at,
        cast(null as timestamp) as exited_at,
        cast(null as timestamp) as seen_at,
    where false
    {%- endif %}

),

changed_identifiers as (

    select identifier_id from {{ ref('int_events') }} where {{ is_new() }}
    union
    select identifier_id from identifiers where {{ is_new() }}
    union
    select identifier_id
    from identifiers
    where
        cast({{ as_of() }} as date)
        > (select cast(max(known_stays.seen_at) as date) from known_stays)

),

changed_profiles as (

    select identifier_id as profile_id from changed_identifiers
    union
    select identifiers.profile_id
    from identifiers
    inner join changed_identifiers
        on identifiers.identifier_id = changed_identifiers.identifier_id

),

open_stays as (

    select
        known_stays.membership_id,
        coalesce(identifiers.profile_id, known_stays.profile_id) as profile_id,
        known_stays.profile_id as recorded_profile_id,
        known_stays.segment,
        known_stays.entered_at,
    from known_stays
    left join identifiers on known_stays.profile_id = identifiers.identifier_id
    where
        known_stays.exited_at is null
        and (
            known_stays.segment not in ({{ timeless | join(', ') }})
            or known_stays.profile_id in (select profile_id from changed_profiles)
        )

),

ranked_stays as (

    select
        *,
        row_number() over (
            partition by segment, profile_id
            order by entered_at, membership_id
        ) as stay_number,
    from open_stays

),

members as (

    {% for segment in var('segments') -%}
    select
        '{{ segment[8:] }}' as segment,
        profile_id,
    from {{ ref(segment) }}
    {% if is_incremental() and not changes_with_time(segment) -%}
    where profile_id in (select profile_id from changed_profiles)
    {% endif -%}
    {% if not loop.last %}union all
    {% endif -%}
    {%- else -%}
    select
        cast(null as varchar) as segment,
        cast(null as varchar) as profile_id,
    where false
    {%- endfor %}

),

changed_stays as (

    select
        coalesce(
            ranked_stays.membership_id,
            {{ hash_id(['members.segment', 'members.profile_id', as_of()]) }}
        ) as membership_id,
        coalesce(members.profile_id, ranked_stays.profile_id) as profile_id,
        coalesce(members.segment, ranked_stays.segment) as segment,
        coalesce(ranked_stays.entered_at, {{ as_of() }}) as entered_at,
        case
            when members.profile_id is null or ranked_stays.stay_number > 1
                then {{ as_of() }}
        end as exited_at,
        {{ as_of() }} as seen_at,
    from members
    full outer join ranked_stays
        on
            members.segment = ranked_stays.segment
            and members.profile_id = ranked_stays.profile_id
    where
        members.profile_id is null
        or ranked_stays.profile_id is null
        or ranked_stays.stay_number > 1
        or ranked_stays.recorded_profile_id <> ranked_stays.profile_id

)

select
    membership_id,
    profile_id,
    segment,
    entered_at,
    exited_at,
    seen_at,
from changed_stays
