with source as (

    select * from {{ source('raw_flows', 'flow_conditions') }}

),

renamed as (

    select
        flow,
        flow_version,
        condition,
        term_position,
        match,
        term_type,
        term,
        operator,
        value,
        since,
        within_seconds,
        is_negated,
        about

    from source

)

select * from renamed
