-- A run compares the members of each segment with the open stays, for the people of `int_profiles_changed`. The first
-- run of a day compares everyone, and so sees what time alone has changed; the first run of a changed project too, and
-- so sees segments that are new, gone or edited.
with

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

open_stays as (

    select
        known_stays.membership_id,
        coalesce(identifiers.profile_id, known_stays.profile_id) as profile_id,
        known_stays.profile_id as recorded_profile_id,
        known_stays.segment,
        known_stays.entered_at,
    from known_stays
    left join {{ ref('int_identifier_profiles') }} as identifiers
        on known_stays.profile_id = identifiers.identifier_id
    where
        known_stays.exited_at is null
        and known_stays.profile_id in (select profile_id from {{ ref('int_profiles_changed') }})

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

    -- a segment may name somebody once for each of her orders, and the guests of others
    {% for segment in var('segments') -%}
    select distinct
        '{{ segment[8:] }}' as segment,
        profile_id,
    from {{ ref(segment) }}
    {% if is_incremental() -%}
    where profile_id in (select profile_id from {{ ref('int_profiles_changed') }})
    {% else -%}
    where profile_id is not null
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
