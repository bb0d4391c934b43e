with source as (

    select * from {{ source('raw_predictions', 'drift') }}

),

renamed as (

    select
        model,
        scored_at,
        name,
        stability_index,
    from source

)

select * from renamed
