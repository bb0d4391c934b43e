with

source as (

    select * from {{ source('raw_events', 'rejects') }}

),

renamed as (

    select
        file as landing_file,
        line_number,
        field,
        reason,
        record,
        load_id,
    from source

)

select * from renamed
