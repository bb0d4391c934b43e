{{ config(materialized='view') }}

with

requests as (

    select * from {{ ref('int_waitlist') }}

),

entries as (

    select
        entry_id,
        entered_at,
    from {{ ref('flow_entries') }}
    where flow = 'back_in_stock'

),

-- one message answers all that a person has asked about the same thing until then
answered as (

    select
        requests.*,
        max(entries.entered_at) over (
            partition by
                requests.profile_id,
                requests.product_id,
                coalesce(requests.variant_id, '')
        ) as last_told_at,
    from requests
    left join entries on requests.entry_id = entries.entry_id

)

select
    request_id,
    profile_id,
    product_id,
    variant_id,
    requested_at,
    case when last_told_at >= requested_at then last_told_at end as told_at,
    bought_at,
    case
        when bought_at is not null then 'bought'
        when last_told_at >= requested_at then 'told'
        else 'waiting'
    end as status,
from answered
