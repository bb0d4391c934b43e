{#- A group's traits are the company's, and the properties of most events may be about anybody: a gift card's `email`
    is the friend's. -#}
with

source as (

    select * from {{ source('raw_events', 'events') }}

),

named as (

    select
        *,
        {%- for name in ['email', 'phone'] %}
        coalesce(
            case when event_type <> 'group' then {{ json_text('traits', '$.' ~ name) }} end,
            case
                when
                    event_type in ('identify', 'alias')
                    or event_name in ('{{ var("events_that_name_the_actor") | join("', '") }}')
                    then {{ json_text('properties', '$.' ~ name) }}
            end,
            {{ json_text('context', '$.traits.' ~ name) }}
        ) as named_{{ name }},
        {%- endfor %}
    from source

),

renamed as (

    select
        event_id,
        event_type,
        coalesce(event_name, event_type) as event_name,
        user_id,
        coalesce(
            anonymous_id,
            case
                when event_type = 'alias'
                    then {{ json_text('properties', '$.previousId') }}
            end
        ) as anonymous_id,
        nullif(lower(trim(named_email)), '') as email,
        {{ normal_phone('named_phone') }} as phone,
        {{ external_ids('context') }} as external_ids,
        {{ device_ids('context') }} as device_ids,
        {{ json_text('properties', '$.profile_id') }} as profile_id,
        {{ json_text('properties', '$.message_id') }} as message_id,
        {{ json_text('properties', '$.product_id') }} as product_id,
        {{ json_text('properties', '$.cart_id') }} as cart_id,
        {{ json_text('properties', '$.order_id') }} as order_id,
        occurred_at,
        received_at,
        greatest(occurred_at, received_at) as visible_at,
        source,
        properties,
        traits,
        context,
        landing_file,
        line_number,
        load_id,
    from named

)

select * from renamed
