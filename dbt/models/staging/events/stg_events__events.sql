with

source as (

    select * from {{ source('raw_events', 'events') }}

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
        nullif(lower(trim(coalesce(
            {{ json_text('traits', '$.email') }},
            {{ json_text('properties', '$.email') }},
            {{ json_text('context', '$.traits.email') }}
        ))), '') as email,
        {{ normal_phone(
            "coalesce(" ~ json_text('traits', '$.phone') ~ ", "
            ~ json_text('properties', '$.phone') ~ ")"
        ) }} as phone,
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
    from source

)

select * from renamed
