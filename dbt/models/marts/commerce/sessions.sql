{{ config(materialized='view') }}

with

sessions as (

    select * from {{ ref('int_sessions') }} where is_current

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

resolved as (

    select
        sessions.session_id,
        identifiers.profile_id,
        sessions.visitor_id as identifier_id,
        sessions.started_at,
        sessions.ended_at,
        coalesce(sessions.channel, 'direct') as channel,
        sessions.event_count,
        sessions.product_view_count,
        sessions.product_added_count,
        sessions.order_count,
    from sessions
    left join identifiers on sessions.visitor_id = identifiers.identifier_id

)

select * from resolved
