{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['identifier_id', 'linked_identifier_id'],
) }}

with

events as (

    select * from {{ recent_events() }} where {{ is_new() }}

),

{#- One row for what many events say in the same words. -#}
sightings as (

    {% set named = 'user_id, email, phone, anonymous_id, external_ids, device_ids, blocked_identifiers' -%}
    select
        {{ named }},
        min(occurred_at) as linked_at,
        {{ first_by('event_id', 'occurred_at', 'event_id') }} as event_id,
        max(seen_at) as seen_at,
    from events
    group by {{ named }}

),

identified as (

    select
        *,
        {{ strongest_identifier_id() }} as strongest_identifier_id,
        {{ named_identifiers() }} as named_identifiers,
    from sightings

),

named as (

    {% for list in ['named_identifiers', 'blocked_identifiers'] -%}
    select
        named.identifier.type as identifier_type,
        named.identifier.value as identifier,
        identified.strongest_identifier_id,
        identified.event_id,
        identified.linked_at,
        identified.seen_at,
        {{ 'true' if list == 'blocked_identifiers' else 'false' }} as is_blocked,
    from identified
    cross join {{ list_elements('identified.' ~ list) }} as named(identifier, position)
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

pairs as (

    select
        *,
        {{ hash_id(['identifier_type', 'identifier']) }} as identifier_id,
        coalesce(
            strongest_identifier_id, {{ hash_id(['identifier_type', 'identifier']) }}
        ) as linked_identifier_id,
    from named

),

{#- What a person has said of a pair, which events may still be about to show. -#}
words as (

    select
        {{ json_text('properties', '$.identifier_id') }} as identifier_id,
        {{ json_text('properties', '$.linked_identifier_id') }} as linked_identifier_id,
        event_name = 'Identifiers Unlinked' as is_unlinked,
        occurred_at as judged_at,
        event_id as judged_by_event_id,
        seen_at,
    from events
    where event_name in ('Identifiers Unlinked', 'Identifiers Relinked')

),

seen_together as (

    select
        identifier_id,
        linked_identifier_id,
        any_value(identifier_type) as identifier_type,
        any_value(identifier) as identifier,
        {{ first_by('event_id', 'linked_at', 'event_id') }} as event_id,
        min(linked_at) as linked_at,
        bool_and(is_blocked) as is_blocked,
        max(seen_at) as seen_at,
    from pairs
    group by identifier_id, linked_identifier_id

),

judged as (

    select *
    from words
    qualify row_number() over (
        partition by identifier_id, linked_identifier_id
        order by judged_at desc, judged_by_event_id desc
    ) = 1

),

news as (

    select
        coalesce(seen_together.identifier_id, judged.identifier_id) as identifier_id,
        coalesce(seen_together.linked_identifier_id, judged.linked_identifier_id)
            as linked_identifier_id,
        seen_together.identifier_type,
        seen_together.identifier,
        seen_together.event_id,
        seen_together.linked_at,
        seen_together.is_blocked,
        judged.is_unlinked,
        judged.judged_at,
        judged.judged_by_event_id,
        greatest(seen_together.seen_at, judged.seen_at) as seen_at,
    from seen_together
    full outer join judged
        on
            seen_together.identifier_id = judged.identifier_id
            and seen_together.linked_identifier_id = judged.linked_identifier_id

)
{%- if is_incremental() %},

{#- Found first: DuckDB would build its join on all that is known, with all its texts. -#}
known as (

    select * from {{ this }} where identifier_id in (select identifier_id from news)

),

compared as (

    select
        news.*,
        known.identifier_type as known_identifier_type,
        known.identifier as known_identifier,
        known.event_id as known_event_id,
        known.linked_at as known_linked_at,
        known.is_blocked as known_is_blocked,
        known.is_unlinked as known_is_unlinked,
        known.judged_at as known_judged_at,
        known.judged_by_event_id as known_judged_by_event_id,
        known.identifier_id is null as is_first,
        news.event_id is not null
        and (
            known.event_id is null
            or (news.linked_at, news.event_id) < (known.linked_at, known.event_id)
        ) as is_earlier,
        news.judged_at is not null
        and (
            known.judged_at is null
            or (news.judged_at, news.judged_by_event_id)
            > (known.judged_at, known.judged_by_event_id)
        ) as is_later,
        news.is_blocked is not null and not news.is_blocked and known.is_blocked
            as is_unblocked,
    from news
    left join known
        on
            news.identifier_id = known.identifier_id
            and news.linked_identifier_id = known.linked_identifier_id

)

select
    identifier_id,
    linked_identifier_id,
    coalesce(identifier_type, known_identifier_type) as identifier_type,
    coalesce(identifier, known_identifier) as identifier,
    case when is_earlier then event_id else known_event_id end as event_id,
    case when is_earlier then linked_at else known_linked_at end as linked_at,
    coalesce(is_blocked, true) and coalesce(known_is_blocked, true) as is_blocked,
    coalesce(case when is_later then is_unlinked else known_is_unlinked end, false)
        as is_unlinked,
    case when is_later then judged_at else known_judged_at end as judged_at,
    case when is_later then judged_by_event_id else known_judged_by_event_id end
        as judged_by_event_id,
    seen_at,
from compared
where is_first or is_earlier or is_later or is_unblocked
{%- else %}

select
    identifier_id,
    linked_identifier_id,
    identifier_type,
    identifier,
    event_id,
    linked_at,
    coalesce(is_blocked, true) as is_blocked,
    coalesce(is_unlinked, false) as is_unlinked,
    judged_at,
    judged_by_event_id,
    seen_at,
from news
{%- endif %}
