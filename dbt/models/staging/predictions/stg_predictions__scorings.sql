with source as (

    select * from {{ source('raw_predictions', 'scorings') }}

),

renamed as (

    select
        model,
        scored_at,
        version,
        reason,
        customer_count,
        mean,
        p10,
        median,
        p90,
    from source

)

select * from renamed
