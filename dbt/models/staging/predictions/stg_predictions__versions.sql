with source as (

    select * from {{ source('raw_predictions', 'versions') }}

),

renamed as (

    select
        model,
        version,
        contender,
        trained_at,
        cutoff,
        horizon_days,
        judged_horizon_days,
        customer_count,
        is_promoted,
        refusal,
        leaking_features,
        file_hash,
    from source

)

select * from renamed
