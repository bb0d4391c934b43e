with source as (

    select * from {{ source('raw_flows', 'flow_exits') }}

),

renamed as (

    select
        flow,
        flow_version,
        signal

    from source

)

select * from renamed
