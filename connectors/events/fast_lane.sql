-- The event contract for well-formed NDJSON lines (line_number, line). A line is accepted only if nothing about it
-- has to be coerced, completed or explained; all others are for contract.py. Parameter: names of all known events.
with valid_lines as (
    select
        line_number,
        line,
    from arriving_lines
    where json_valid(line)
),

extracted as (
    select
        line_number,
        line,
        json_keys(line) as keys,
        json_type(line, [
            '$.type', '$.event', '$.messageId', '$.userId', '$.anonymousId', '$.source', '$.name',
            '$.timestamp', '$.sentAt', '$.receivedAt', '$.properties', '$.traits', '$.context',
            '$.originalTimestamp', '$.integrations', '$.version', '$.writeKey', '$.projectId',
            '$._metadata']) as types,
        json_extract_string(line, [
            '$.type', '$.event', '$.messageId', '$.userId', '$.anonymousId', '$.source', '$.name',
            '$.timestamp', '$.sentAt', '$.receivedAt', '$.properties', '$.traits', '$.context',
            '$.context.library.name']) as texts,
        json_type(line, '$.context.library.name') as library_type,
    from valid_lines
),

named as (
    select
        line_number,
        line,
        coalesce(texts[1], 'track') as event_type,
        texts[2] as track_name,
        texts[3] as event_id,
        nullif(texts[4], '') as user_id,
        nullif(texts[5], '') as anonymous_id,
        coalesce(nullif(texts[6], ''), nullif(texts[14], ''), 'landing') as source,
        texts[7] as page_name,
        try_cast(texts[8] as timestamptz) at time zone 'UTC' as occurred_at,
        try_cast(texts[9] as timestamptz) at time zone 'UTC' as sent_at,
        try_cast(texts[10] as timestamptz) at time zone 'UTC' as received_at,
        if(types[11] = 'OBJECT', texts[11], '{}') as properties,
        if(types[12] = 'OBJECT', texts[12], '{}') as traits,
        if(types[13] = 'OBJECT', texts[13], '{}') as context,
        len(keys) = list_count(types)  -- all keys are known, none comes twice
        and len(list_filter(types[1:3], lambda type: type not in ('VARCHAR', 'NULL'))) = 0
        and len(list_filter(types[4:5], lambda type: type not in ('VARCHAR', 'UBIGINT', 'NULL'))) = 0
        and len(list_filter(types[6:10], lambda type: type not in ('VARCHAR', 'NULL'))) = 0
        and len(list_filter(types[11:13], lambda type: type not in ('OBJECT', 'NULL'))) = 0
        and coalesce(library_type, 'NULL') in ('VARCHAR', 'NULL')
            as has_known_shape,
        len(list_filter(texts[8:10], lambda moment: not regexp_full_match(
            moment,
            '\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-][01]\d:[0-5]\d)')))
        = 0
        and (sent_at is null) = (texts[9] is null)  -- 30 February looks clear
        and (received_at is null) = (texts[10] is null)
            as has_clear_times,
    from extracted
),

examined as (
    select
        *,
        json_transform(properties, '{
            "product_id": "JSON", "order_id": "JSON", "cart_id": "JSON", "name": "JSON", "category": "JSON",
            "currency": "JSON", "url": "JSON", "image_url": "JSON", "variant_id": "JSON",
            "price": "JSON", "revenue": "JSON", "total": "JSON", "discount": "JSON",
            "quantity": "JSON", "inventory_quantity": "JSON", "products": "JSON"}') as property,
        json_transform(json_extract(properties, '$.products'), '[{
            "product_id": "JSON", "name": "JSON", "category": "JSON", "currency": "JSON",
            "price": "JSON", "quantity": "JSON"}]') as products,
        json_transform(traits, '{
            "email": "JSON", "phone": "JSON", "birthday": "JSON",
            "createdAt": "JSON", "created_at": "JSON"}') as trait,
    from named
),

judged as (
    select
        *,
        regexp_full_match(
            concat_ws(
                ',', property.order_id, property.product_id, property.cart_id, property.name,
                property.category, property.url, property.image_url),
            '("([^"\\]|\\.)+",?)*')
        and regexp_full_match(
            concat_ws(',', property.price, property.revenue, property.total, property.discount),
            '(-?\d{1,9}(\.\d{1,12})?,?)*')
        and regexp_full_match(coalesce(property.quantity, '1'), '-?\d{1,6}')
        and regexp_full_match(coalesce(property.inventory_quantity, '1'), '-?\d{1,9}')
        and regexp_full_match(coalesce(property.currency, '"EUR"'), '"[A-Z]{3}"')
        and (
            track_name != 'Product Updated'
            or regexp_full_match(coalesce(property.variant_id, '"1"'), '"([^"\\]|\\.)+"'))
            as has_clear_properties,
        len(products) > 0
        and len(list_filter(products, lambda line_item: not coalesce(
            regexp_full_match(line_item.product_id, '"([^"\\]|\\.)+"')
            and regexp_full_match(
                concat_ws(',', line_item.name, line_item.category), '("([^"\\]|\\.)+",?)*')
            and regexp_full_match(line_item.price, '-?\d{1,9}(\.\d{1,12})?')
            and regexp_full_match(coalesce(line_item.quantity, '1'), '-?\d{1,6}')
            and regexp_full_match(coalesce(line_item.currency, '"EUR"'), '"[A-Z]{3}"'), false))) = 0
            as has_clear_products,
        regexp_full_match(coalesce(trait.email, '"a@b"'), '"[^\s"\\@]+@[^\s"\\]+"')
        and regexp_full_match(coalesce(trait.phone, '"1"'), '"[^"\\]+"')
        and (
            trait.birthday is null
            or (
                regexp_full_match(trait.birthday, '"[12]\d{3}-\d\d-\d\d"')
                and try_cast(trim(trait.birthday, '"') as date) is not null))
        and len(list_filter([trait."createdAt", trait.created_at], lambda moment: moment is not null and not (
            regexp_full_match(
                moment,
                '"(19|20)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z"')
            and try_cast(trim(moment, '"') as timestamptz) is not null))) = 0
            as has_clear_traits,
    from examined
)

select
    line_number,
    event_id,
    event_type,
    case event_type when 'track' then track_name when 'identify' then 'Identified'
        when 'page' then 'Page Viewed' when 'screen' then 'Screen Viewed' end as event_name,
    user_id,
    anonymous_id,
    occurred_at,
    coalesce(received_at, sent_at, occurred_at) as received_at,
    source,
    case when page_name is null then properties
        else json_merge_patch(json_object('name', page_name), properties) end as properties,
    traits,
    context,
    coalesce(
        has_known_shape
        and has_clear_times
        and event_id != ''
        and occurred_at between '1990-01-02' and '2099-12-30'
        and coalesce(sent_at, occurred_at) between '1990-01-02' and '2099-12-30'
        and coalesce(received_at, occurred_at) between '1990-01-02' and '2099-12-30'
        and occurred_at - coalesce(received_at, sent_at, occurred_at) <= interval 1 day
        and case event_type
            when 'track' then page_name is null and track_name != ''
                and case
                    when track_name in (
                        'Product Viewed', 'Product Clicked', 'Product Added', 'Product Removed',
                        'Product Updated')
                        then has_clear_properties and property.product_id is not null
                    when track_name in ('Cart Viewed', 'Checkout Started')
                        then has_clear_properties and (property.products is null or has_clear_products)
                    when track_name = 'Order Completed'
                        then has_clear_properties and property.order_id is not null and has_clear_products
                    else not list_contains(?, track_name)
                end
            when 'identify' then page_name is null and track_name is null and has_clear_traits
            when 'page' then track_name is null
            when 'screen' then track_name is null
        end, false) as is_accepted,
from judged
