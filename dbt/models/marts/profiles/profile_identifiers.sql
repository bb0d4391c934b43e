{{ config(materialized='view') }}

select
    identifier_id,
    identifier_type,
    identifier,
    profile_id,
    first_seen_at,
    linked_by_event_id,
    linked_at,
from {{ ref('int_identifier_profiles') }}
