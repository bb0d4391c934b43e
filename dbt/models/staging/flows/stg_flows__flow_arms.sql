with source as (

    select * from {{ source('raw_flows', 'flow_arms') }}

),

renamed as (

    select
        flow,
        flow_version,
        step,
        arm,
        arm_position,
        share_from,
        share_to,
        condition,
        action,
        channel,
        template,
        variant,
        message_class,
        priority,
        payload,
        coalesce(wait_seconds, 0) as wait_seconds,
        at_time

    from source

)

select * from renamed
