with source as (

    select * from {{ source('raw_flows', 'flows') }}

),

renamed as (

    select
        flow,
        flow_version,
        kind,
        owner,
        description,
        message_class,
        priority,
        reenter,
        reenter_after_seconds,
        hold_out_share,
        goal_signal,
        goal_within_seconds,
        enter_within_seconds,
        max_age_seconds,
        definition,
        live_since

    from source

)

select * from renamed
