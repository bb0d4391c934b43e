with source as (

    select * from {{ source('raw_predictions', 'scores') }}

),

renamed as (

    select
        profile_id,
        churn_probability,
        cast(expected_revenue_90_days as decimal(18, 2)) as expected_revenue_90_days,
        cast(expected_revenue_365_days as decimal(18, 2)) as expected_revenue_365_days,
        cast({{ add_seconds('scored_at', 'days_to_next_order * 86400') }} as date) as expected_order_date,
        scored_at,
    from source

)

select * from renamed
