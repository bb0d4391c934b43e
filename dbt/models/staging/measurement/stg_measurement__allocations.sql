with source as (

    select * from {{ source('raw_measurement', 'allocations') }}

),

latest as (

    select
        flow,
        step,
        arm,
        replaces_from,
        replaces_to,
        share_from,
        share_to,
        kind,
        reason,
        decided_at,
    from source
    qualify
        row_number() over (
            partition by flow, step, arm, replaces_from, replaces_to
            order by decided_at desc
        ) = 1

)

select * from latest
