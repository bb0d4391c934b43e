with source as (

    select * from {{ source('raw_predictions', 'deciles') }}

),

renamed as (

    select
        model,
        version,
        decile,
        customer_count,
        predicted,
        actual,
        lift,
    from source

)

select * from renamed
