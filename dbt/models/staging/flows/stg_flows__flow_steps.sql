with source as (

    select * from {{ source('raw_flows', 'flow_steps') }}

),

renamed as (

    select
        flow,
        flow_version,
        step,
        position,
        wait_seconds,
        at_time,
        wait_until,
        wait_until_timeout_seconds,
        coalesce(spread_seconds, 0) as spread_seconds,
        observed_seconds

    from source

)

select * from renamed
