{{ config(materialized='table') }}

{#- A run that may rebuild everything reads all identifiers instead: see `touched_identifiers`. -#}
{%- set is_recent = is_since_complete_run() if var('is_tick', false) else 'false' %}

with

-- a refund may name only the order; a completion that came late may say whose it really is
orders as (

    select identifier_id, former_identifier_id
    from {{ ref('int_orders') }}
    where {{ is_recent }}

),

identifiers as (

    select identifier_id from {{ ref('int_events_new') }} where identifier_id is not null

    union

    select identifier_id from orders where identifier_id is not null

    union

    select former_identifier_id from orders where former_identifier_id is not null

    union

    select identifier_id from {{ ref('int_identifier_profiles') }} where {{ is_recent }}

),

touched_people as (

    select distinct profile_id
    from {{ ref('int_identifier_profiles') }}
    where identifier_id in (select identifier_id from identifiers)

),

people as (

    select profile_id from touched_people
    union
    select former_profile_id
    from {{ ref('int_profiles_unlinked') }}
    where profile_id in (select profile_id from touched_people)

),

members as (

    select
        identifier_id,
        identifier_type,
        identifier,
        profile_id,
        first_seen_at,
        seen_at,
    from {{ ref('int_identifier_profiles') }}
    where profile_id in (select profile_id from people)

)

select * from members

union all

-- the recipient of a message whom no event has introduced yet
select
    identifiers.identifier_id,
    null as identifier_type,
    null as identifier,
    null as profile_id,
    null as first_seen_at,
    null as seen_at,
from identifiers
left join members on identifiers.identifier_id = members.identifier_id
where members.identifier_id is null
