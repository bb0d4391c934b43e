{{ config(tags=['nightly']) }}

with

events as (

    select
        event_id,
        coalesce({{ identifier_id('anonymous_id', 'anonymous_id') }}, identifier_id)
            as visitor_id,
        product_id,
        occurred_at,
    from {{ ref('int_events') }}
    where
        event_name = 'Product Viewed'
        and product_id is not null
        and {{ in_last_days('occurred_at', var('recommendation_view_days'), as_of()) }}

),

sessions as (

    select * from {{ ref('int_sessions') }} where is_current

),

views as (

    select
        sessions.session_id,
        row_number() over (
            partition by sessions.session_id order by events.occurred_at, events.event_id
        ) as view_number,
        events.product_id,
        events.occurred_at as viewed_at,
    from events
    inner join sessions
        on
            events.visitor_id = sessions.visitor_id
            and events.occurred_at between sessions.started_at and sessions.ended_at

)

select * from views
