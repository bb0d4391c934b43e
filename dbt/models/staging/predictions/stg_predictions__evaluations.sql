with source as (

    select * from {{ source('raw_predictions', 'evaluations') }}

),

renamed as (

    select
        model,
        version,
        contender,
        figure,
        value,
    from source

)

select * from renamed
