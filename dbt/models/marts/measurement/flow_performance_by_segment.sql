with

sends as (

    select
        *,
        {{ left_at('sends') }} as left_at,
        {{ was_reached('sends') }} as was_reached,
    from {{ ref('sends') }} as sends
    where {{ was_sent('sends') }}

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

stays as (

    select
        identifiers.profile_id,
        memberships.segment,
        memberships.entered_at,
        memberships.exited_at,
    from {{ ref('segment_memberships') }} as memberships
    inner join identifiers on memberships.profile_id = identifiers.identifier_id

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
        stays.segment,
    from sends
    inner join identifiers on sends.profile_id = identifiers.identifier_id
    inner join stays
        on
            identifiers.profile_id = stays.profile_id
            and sends.left_at >= stays.entered_at
            and (stays.exited_at is null or sends.left_at < stays.exited_at)

)

select
    sends.flow,
    sends.step,
    sent_in_segment.segment,
    cast(sends.left_at as date) as date,
    count(*) as sent_count,
    count(*) filter (where sends.was_reached) as reached_count,
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
group by sends.flow, sends.step, sent_in_segment.segment, cast(sends.left_at as date)
