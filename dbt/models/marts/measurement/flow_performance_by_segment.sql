with

sends as (

    select * from {{ ref('sends') }}

),

segment_memberships as (

    select * from {{ ref('segment_memberships') }}

),

conversions as (

    select
        message_id,
        sum(revenue) as revenue,
    from {{ ref('attributed_orders') }}
    where model = 'last_touch'
    group by message_id

),

sent_in_segment as (

    select distinct
        sends.message_id,
        segment_memberships.segment,
    from sends
    inner join segment_memberships
        on
            sends.profile_id = segment_memberships.profile_id
            and segment_memberships.entered_at <= sends.sent_at
            and (
                segment_memberships.exited_at is null
                or segment_memberships.exited_at > sends.sent_at
            )

)

select
    sends.flow,
    sends.step,
    sent_in_segment.segment,
    cast(sends.sent_at as date) as date,
    count(*) as sent_count,
    count(sends.delivered_at) as delivered_count,
    count(sends.opened_at) as opened_count,
    count(sends.clicked_at) as clicked_count,
    count(conversions.message_id) as converted_count,
    count(sends.unsubscribed_at) as unsubscribed_count,
    cast(coalesce(sum(conversions.revenue), 0) as decimal(18, 2)) as revenue,
    '{{ var("shop_currency") }}' as currency,
from sends
inner join sent_in_segment on sends.message_id = sent_in_segment.message_id
left join conversions on sends.message_id = conversions.message_id
group by sends.flow, sends.step, sent_in_segment.segment, cast(sends.sent_at as date)
