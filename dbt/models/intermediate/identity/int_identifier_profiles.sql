{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='identifier_id',
) }}

{#- Only people with a new link are worked out again, from all the links that they have: the result is a function of
    the links alone, so that the order in which events arrive cannot matter. Links make trees first (each identifier
    follows the first stronger one it was seen with), then trees become one cluster through their other links. A
    cluster beyond the limits falls apart into its trees. -#}
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
        cluster_id in (
            select cluster_id
            from {{ this }}
            where identifier_id in (select identifier_id from touched)
        )
    {%- endif %}

),

member_links as (

    select *
    from {{ ref('int_identifier_links') }}
    where
        identifier_id in (select identifier_id from members)
        and linked_at is not null
        and not is_blocked

),

identifiers as (

    select
        identifier_id,
        any_value(identifier_type) as identifier_type,
        any_value(identifier) as identifier,
        min(linked_at) as first_seen_at,
        sum(case when linked_identifier_id <> identifier_id then 1 else 0 end)
        > {{ var('shared_identifier_limit') }} as is_shared,
    from member_links
    group by identifier_id

),

ranked as (

    select
        *,
        row_number() over (
            order by first_seen_at, {{ identifier_strength('identifier_type') }}, identifier
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
    where
        weaker.rank <> stronger.rank
        and not weaker.is_shared
        and not member_links.is_unlinked

),

parents as (

    select *
    from edges
    qualify row_number() over (
        partition by from_rank order by linked_at, event_id, to_rank
    ) = 1

),

ancestors as (

    select rank, rank as ancestor_rank from ranked
    union all
    select ancestors.rank, parents.to_rank
    from ancestors
    inner join parents on ancestors.ancestor_rank = parents.from_rank

),

trees as (

    select ancestors.rank, ancestors.ancestor_rank as tree_rank
    from ancestors
    left join parents on ancestors.ancestor_rank = parents.from_rank
    where parents.from_rank is null

),

crossings as (

    select lower_end.tree_rank as from_tree, upper_end.tree_rank as to_tree
    from edges
    inner join trees as lower_end on edges.from_rank = lower_end.rank
    inner join trees as upper_end on edges.to_rank = upper_end.rank
    where lower_end.tree_rank <> upper_end.tree_rank

),

both_ways as (

    select from_tree, to_tree from crossings
    union
    select to_tree, from_tree from crossings

),

-- the first tree of a cluster reaches all others; only one without an earlier neighbour can be it
reached as (

    select from_tree as tree_rank, from_tree as cluster_rank
    from both_ways
    group by from_tree
    having from_tree < min(to_tree)

    union

    select both_ways.to_tree, reached.cluster_rank
    from reached
    inner join both_ways on reached.tree_rank = both_ways.from_tree
    where reached.cluster_rank < both_ways.to_tree

),

clusters as (

    select tree_rank, min(cluster_rank) as cluster_rank from reached group by tree_rank

),

clustered as (

    select
        ranked.*,
        trees.tree_rank,
        coalesce(clusters.cluster_rank, trees.tree_rank) as cluster_rank,
        parents.linked_at as followed_at,
    from ranked
    inner join trees on ranked.rank = trees.rank
    left join clusters on trees.tree_rank = clusters.tree_rank
    left join parents on ranked.rank = parents.from_rank

),

guarded as (

    select
        *,
        case
            when count(case when identifier_type = 'user_id' then 1 end) over cluster
                > {{ var('user_ids_per_profile_limit') }}
                then 'several_user_ids'
            when count(*) over cluster > {{ var('identifiers_per_profile_limit') }}
                then 'too_many_identifiers'
        end as guard,
    from clustered
    window cluster as (partition by cluster_rank)

),

grouped as (

    select
        *,
        case
            when guard is null then cluster_rank
            when
                row_number() over (
                    partition by tree_rank order by followed_at nulls first, rank
                ) > {{ var('identifiers_per_profile_limit') }}
                then rank
            else tree_rank
        end as group_rank,
    from guarded

),

first_links as (

    select
        here.rank,
        {{ first_by('edges.event_id', 'edges.linked_at', 'edges.event_id') }} as event_id,
        min(edges.linked_at) as linked_at,
    from (
        select from_rank, to_rank, event_id, linked_at from edges
        union all
        select to_rank, from_rank, event_id, linked_at from edges
    ) as edges
    inner join grouped as here on edges.from_rank = here.rank
    inner join grouped as there on edges.to_rank = there.rank
    where here.group_rank = there.group_rank
    group by here.rank

),

resolved as (

    select
        grouped.identifier_id,
        grouped.identifier_type,
        grouped.identifier,
        first_value(grouped.identifier_id) over (
            partition by grouped.group_rank order by grouped.rank
        ) as profile_id,
        first_value(grouped.identifier_id) over (
            partition by grouped.cluster_rank order by grouped.rank
        ) as cluster_id,
        grouped.guard,
        grouped.first_seen_at,
        first_links.event_id as linked_by_event_id,
        first_links.linked_at,
    from grouped
    left join first_links on grouped.rank = first_links.rank

)
{%- set result = ['profile_id', 'cluster_id', 'guard', 'first_seen_at', 'linked_by_event_id', 'linked_at'] %}
{%- if is_incremental() %},

-- the few alone, or DuckDB would hash all identifiers to look them up
known as (

    select * from {{ this }} where identifier_id in (select identifier_id from members)

),

compared as (

    select
        resolved.*,
        known.profile_id as known_profile_id,
        known.cluster_id as known_cluster_id,
        known.former_profile_id as known_former_profile_id,
        known.moved_at as known_moved_at,
        known.moved_by_event_id as known_moved_by_event_id,
        known.profile_id <> resolved.profile_id as has_moved,
        known.identifier_id is null
        {%- for column in result %}
        or resolved.{{ column }} is distinct from known.{{ column }}
        {%- endfor %} as has_changed,
    from resolved
    left join known on resolved.identifier_id = known.identifier_id

),

news as (

    {% for end in ['identifier_id', 'linked_identifier_id'] -%}
    select
        {{ end }} as identifier_id,
        coalesce(greatest(linked_at, judged_at), linked_at, judged_at) as told_at,
        case when judged_at is null or linked_at > judged_at then event_id else judged_by_event_id end
            as event_id,
    from new_links
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

causes as (

    select
        clusters.cluster_id,
        {{ last_by('news.event_id', 'news.told_at', 'news.event_id') }} as event_id,
    from news
    inner join (
        select identifier_id, cluster_id from compared
        union
        select identifier_id, known_cluster_id from compared where known_cluster_id is not null
    ) as clusters on news.identifier_id = clusters.identifier_id
    group by clusters.cluster_id

)

{#- What has not changed is not written again, but for whom a profile is named after that has lost somebody: by her
    it is found. -#}
select
    compared.identifier_id,
    compared.identifier_type,
    compared.identifier,
    {%- for column in result %}
    compared.{{ column }},
    {%- endfor %}
    case when has_moved then known_profile_id else known_former_profile_id end
        as former_profile_id,
    case
        when has_moved then coalesce(now_with.event_id, once_with.event_id)
        else known_moved_by_event_id
    end as moved_by_event_id,
    case when has_moved then (select max(seen_at) from new_links) else known_moved_at end
        as moved_at,
    (select max(seen_at) from new_links) as seen_at,
from compared
left join causes as now_with on compared.cluster_id = now_with.cluster_id
left join causes as once_with on compared.known_cluster_id = once_with.cluster_id
where
    has_changed
    or compared.identifier_id in (select known_profile_id from compared where has_moved)
{%- else %}

select
    *,
    cast(null as varchar) as former_profile_id,
    cast(null as varchar) as moved_by_event_id,
    cast(null as timestamp) as moved_at,
    (select max(seen_at) from new_links) as seen_at,
from resolved
{%- endif %}
