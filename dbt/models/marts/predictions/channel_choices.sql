{{ config(materialized='table', tags=['nightly']) }}

with

reachable as (

    select
        consents.profile_id,
        consents.channel,
    from {{ ref('consents') }} as consents
    inner join {{ ref('profiles') }} as profiles
        on consents.profile_id = profiles.profile_id
    where
        consents.purpose = 'marketing'
        and consents.status = 'subscribed'
        and case consents.channel
            when 'email' then profiles.email
            when 'sms' then profiles.phone
            when 'whatsapp' then profiles.phone
            when 'push' then profiles.push_token
        end is not null

),

reactions as (

    select * from {{ ref('int_channel_reactions') }}

),

-- one success in two hundred, worth of a hundred messages, before a shop has any
channels as (

    select
        channel,
        (sum(click_count) + 0.5) / (sum(send_count) + 100) as click_rate,
        (sum(refusal_count) + 0.5) / (sum(send_count) + 100) as refusal_rate,
    from reactions
    group by channel

),

rated as (

    select
        reachable.profile_id,
        reachable.channel,
        coalesce(reactions.send_count, 0) as send_count,
        (
            coalesce(reactions.click_count, 0)
            + {{ var('channel_prior_weight') }} * coalesce(channels.click_rate, 0.005)
        ) / (coalesce(reactions.send_count, 0) + {{ var('channel_prior_weight') }}) as click_rate,
        (
            coalesce(reactions.refusal_count, 0)
            + {{ var('channel_prior_weight') }} * coalesce(channels.refusal_rate, 0.005)
        ) / (coalesce(reactions.send_count, 0) + {{ var('channel_prior_weight') }})
            as refusal_rate,
        greatest(
            0, coalesce(reactions.recent_sends, 0)
            - {{ var('fatigue_relief') }} * coalesce(reactions.recent_clicks, 0)
        ) as unanswered,
        coalesce(costs.cost, 0) as cost,
    from reachable
    left join reactions
        on
            reachable.profile_id = reactions.profile_id
            and reachable.channel = reactions.channel
    left join channels on reachable.channel = channels.channel
    left join {{ ref('message_costs') }} as costs on reachable.channel = costs.channel

),

-- weariness grows with what was sent on any channel and not answered; it saturates at 1
tired as (

    select
        *,
        1 - exp(
            -sum(unanswered) over (partition by profile_id) / {{ var('fatigue_messages') }}
        ) as fatigue_score,
    from rated

),

valued as (

    select
        *,
        {{ var('click_value') }} * click_rate * (1 - fatigue_score)
        - {{ var('refusal_cost') }} * refusal_rate * (1 + fatigue_score)
        - cost as expected_value,
    from tired

)

select
    profile_id,
    channel,
    cast(send_count as bigint) as send_count,
    cast(click_rate as double) as click_rate,
    cast(refusal_rate as double) as refusal_rate,
    cast(fatigue_score as double) as fatigue_score,
    cast(expected_value as double) as expected_value,
    row_number() over (partition by profile_id order by expected_value desc, channel) = 1
        as is_best,
    first_value(channel) over (partition by profile_id order by expected_value desc, channel)
        as best_channel,
from valued
