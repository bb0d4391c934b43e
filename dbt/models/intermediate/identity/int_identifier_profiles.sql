{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='identifier_id',
) }}

{#- Only people with a new link are worked out again, from all the links that they have: the result is a function of
    the links alone, so that the order in which events arrive cannot matter. -#}
with recursive

new_links as (

    select * from {{ ref('int_identifier_links') }} where {{ is_new() }}

),

touched as (

    select identifier_id from new_links
    union
    select linked_identifier_id from new_links

),

members as (

    select identifier_id from touched
    {%- if is_incremental() %}
    union
    select identifier_id
    from {{ this }}
    where
        profile_id in (
            select profile_id
            from {{ this }}
            where identifier_id in (select identifier_id from touched)
        )
    {%- endif %}

),

member_links as (

    select *
    from {{ ref('int_identifier_links') }}
    where identifier_id in (select identifier_id from members)

),

identifiers as (

    select
        identifier_id,
        any_value(identifier_type) as identifier_type,
        any_value(identifier) as identifier,
        min(linked_at) as first_seen_at,
        sum(case when linked_identifier_id <> identifier_id then 1 else 0 end)
        > {{ var('shared_identifier_limit', 5) }} as is_shared,
    from member_links
    group by identifier_id

),

ranked as (

    select
        *,
        row_number() over (
            order by
                first_seen_at,
                case identifier_type
                    when 'user_id' then 1 when 'email' then 2 when 'phone' then 3 else 4
                end,
                identifier
        ) as rank,
    from identifiers

),

edges as (

    select
        weaker.rank as from_rank,
        stronger.rank as to_rank,
        member_links.event_id,
        member_links.linked_at,
    from member_links
    inner join ranked as weaker
        on member_links.identifier_id = weaker.identifier_id
    inner join ranked as stronger
        on member_links.linked_identifier_id = stronger.identifier_id
    where not weaker.is_shared and weaker.rank <> stronger.rank

),

both_ways as (

    select from_rank, to_rank, event_id, linked_at from edges
    union all
    select to_rank, from_rank, event_id, linked_at from edges

),

reached as (

    select rank, rank as root_rank from ranked
    union
    select both_ways.to_rank, reached.root_rank
    from reached
    inner join both_ways on reached.rank = both_ways.from_rank
    where reached.root_rank < both_ways.to_rank

),

roots as (

    select rank, min(root_rank) as root_rank from reached group by rank

),

first_links as (

    select
        to_rank as rank,
        {{ first_by('event_id', 'linked_at', 'event_id') }} as event_id,
        min(linked_at) as linked_at,
    from both_ways
    group by to_rank

),

resolved as (

    select
        ranked.identifier_id,
        ranked.identifier_type,
        ranked.identifier,
        root.identifier_id as profile_id,
        ranked.first_seen_at,
        first_links.event_id as linked_by_event_id,
        first_links.linked_at,
        (select max(seen_at) from new_links) as seen_at,
    from ranked
    inner join roots on ranked.rank = roots.rank
    inner join ranked as root on roots.root_rank = root.rank
    left join first_links on ranked.rank = first_links.rank

)

select * from resolved
