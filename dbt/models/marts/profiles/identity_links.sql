{{ config(materialized='view') }}

with

links as (

    select *
    from {{ ref('int_identifier_links') }}
    where identifier_id <> linked_identifier_id or is_blocked

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

explained as (

    select
        links.identifier_id,
        links.identifier_type,
        links.identifier,
        links.linked_identifier_id,
        stronger.identifier_type as linked_identifier_type,
        stronger.identifier as linked_identifier,
        links.event_id,
        links.linked_at,
        weaker.profile_id,
        stronger.profile_id as linked_profile_id,
        case
            when links.is_blocked then 'blocked_value'
            when links.is_unlinked then 'unlinked'
            when weaker.profile_id = stronger.profile_id then null
            when weaker.cluster_id = stronger.cluster_id then weaker.guard
            else 'shared_identifier'
        end as refused_because,
        links.judged_at,
        links.judged_by_event_id,
    from links
    left join identifiers as weaker on links.identifier_id = weaker.identifier_id
    left join identifiers as stronger
        on links.linked_identifier_id = stronger.identifier_id
    where links.event_id is not null

)

select * from explained
