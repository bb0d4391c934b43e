{#- One identifier out of several columns: md5 hex of their text joined by '|', nulls as ''. Equal in all warehouses. -#}
{% macro hash_id(columns) -%}
    md5({% for column in columns %}coalesce(cast({{ column }} as varchar), ''){% if not loop.last %} || '|' || {% endif %}{% endfor %})
{%- endmacro %}

{#- A number in [0, 1) that is the same for ever for a (salt, id): the randomness of hold-outs and A/B arms.
    First eight hex digits of md5(salt || ':' || id) over 2^32. -#}
{% macro bucket(salt, id) -%}
    ({{ adapter.dispatch('hex_to_integer')("substr(md5(" ~ salt ~ " || ':' || " ~ id ~ "), 1, 8)") }} / 4294967296.0)
{%- endmacro %}
{% macro duckdb__hex_to_integer(hex) -%}
    cast('0x' || {{ hex }} as bigint)
{%- endmacro %}

{#- The opaque id of an identifier: null when its value is null. -#}
{% macro identifier_id(type, value) -%}
    case when {{ value }} is not null then {{ hash_id(["'" ~ type ~ "'", value]) }} end
{%- endmacro %}

{#- A phone number as E.164 when it is written internationally (+49 …, 0049 …), otherwise its digits. -#}
{% macro normal_phone(phone) -%}
    case
        when trim({{ phone }}) like '+%' then '+' || regexp_replace({{ phone }}, '[^0-9]', '', 'g')
        when trim({{ phone }}) like '00%' then '+' || substr(regexp_replace({{ phone }}, '[^0-9]', '', 'g'), 3)
        else nullif(regexp_replace({{ phone }}, '[^0-9]', '', 'g'), '')
    end
{%- endmacro %}

{#- Whether a text of which nobody says what it is may be a phone number: nothing but digits and what is written between
    them. -#}
{% macro looks_like_a_phone(text) -%}
    regexp_replace({{ text }}, '[+0-9 ()./-]', '', 'g') = ''
{%- endmacro %}

{#- Types of identifiers from strong to weak: the order in which Segment merges by default, devices before browsers. -#}
{% macro identifier_types() -%}
    {{ return(['user_id', 'email', 'phone', 'external_id', 'device_id', 'anonymous_id']) }}
{%- endmacro %}

{#- 1 for the strongest type of identifier. -#}
{% macro identifier_strength(type) -%}
    case {{ type }}{% for name in identifier_types() %} when '{{ name }}' then {{ loop.index }}{% endfor %} end
{%- endmacro %}

{#- The id of the strongest identifier that a row of events names. An event may name several external ids and devices:
    of these the first by text, so that any two identifiers are always linked in the same direction. -#}
{% macro strongest_identifier_id() -%}
    coalesce(
        {%- for type in identifier_types() %}
        {{ identifier_id(type, first_of(type ~ 's') if type in ['external_id', 'device_id'] else type) }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{#- First element of a list; null when there is none. -#}
{% macro first_of(list) -%}
    {{ return(adapter.dispatch('first_of')(list)) }}
{%- endmacro %}
{% macro duckdb__first_of(list) -%}
    ({{ list }})[1]
{%- endmacro %}

{#- Sorted `type:id` texts of the external ids in an event's context that name a person; null when there are none.
    Ids of a collection of accounts name companies, those of devices see `device_ids`. Most events have none: a look at
    the text saves reading it as JSON. -#}
{% macro external_ids(context) -%}
    {{ return(adapter.dispatch('external_ids')(context)) }}
{%- endmacro %}
{% macro duckdb__external_ids(context) -%}
    case
        when contains(cast({{ context }} as varchar), '"externalIds"')
            then {{ duckdb__named_ids(context, 'users') }}
    end
{%- endmacro %}

{#- Sorted ids of the device: its own, the one for advertising unless the person has declined it, and external ids of
    the collection devices; null when there are none. -#}
{% macro device_ids(context) -%}
    {{ return(adapter.dispatch('device_ids')(context)) }}
{%- endmacro %}
{% macro duckdb__device_ids(context) -%}
    case
        when
            contains(cast({{ context }} as varchar), '"device')
            then nullif(list_sort(list_distinct(list_filter(
                list_concat(
                    [
                        lower(json_extract_string({{ context }}, '$.device.id')),
                        case
                            when coalesce(json_extract_string({{ context }}, '$.device.adTrackingEnabled'), 'true') = 'true'
                                then lower(json_extract_string({{ context }}, '$.device.advertisingId'))
                        end,
                    ],
                    {{ duckdb__named_ids(context, 'devices') }}
                ),
                lambda id: id <> ''
            ))), [])
    end
{%- endmacro %}

{#- `type:id` texts of the external ids of one collection. -#}
{% macro duckdb__named_ids(context, collection) -%}
    nullif(list_sort(list_distinct(list_transform(
        list_filter(
            from_json(
                json_extract({{ context }}, '$.externalIds'),
                '[{"id": "VARCHAR", "type": "VARCHAR", "collection": "VARCHAR"}]'
            ),
            lambda named: named.id <> '' and coalesce(named.collection, 'users') = '{{ collection }}'
        ),
        lambda named: coalesce(named.type, 'id') || ':' || named.id
    ))), [])
{%- endmacro %}

{#- Whether an identifier says nobody: it is in the seed `blocked_identifiers`, or made of zeros (a phone, a UUID). -#}
{% macro is_blocked(type, value) -%}
    (
        lower({{ value }}) in (
            select blocked.value
            from {{ ref('blocked_identifiers') }} as blocked
            where blocked.identifier_type in ('*', '{{ type }}')
        )
        or (substr({{ value }}, 1, 1) in ('0', '+') and translate({{ value }}, '0-+', '') = '')
    )
{%- endmacro %}

{#- A list of identifiers without the blocked ones, or only those; `blocked_values` is a list in reach. Null when none
    are left. -#}
{% macro unblocked(list, blocked_values) -%}
    {{ return(adapter.dispatch('blocked_among')(list, blocked_values, 'not')) }}
{%- endmacro %}
{% macro blocked_among(list, blocked_values, negation='') -%}
    {{ return(adapter.dispatch('blocked_among')(list, blocked_values, negation)) }}
{%- endmacro %}
{% macro duckdb__blocked_among(list, blocked_values, negation) -%}
    case
        when {{ list }} is not null
            then nullif(list_filter(
                {{ list }},
                lambda id: {{ negation }} (
                    list_contains({{ blocked_values }}, lower(id))
                    or list_contains({{ blocked_values }}, lower(regexp_replace(id, '^[^:]*:', '')))
                    or translate(regexp_replace(id, '^[^:]*:', ''), '0-', '') = ''
                )
            ), [])
    end
{%- endmacro %}

{#- All identifiers of a row of events as a list of (type, value), strong types first; of columns with a prefix when
    they have one. Null when there are none. -#}
{% macro named_identifiers(prefix='') -%}
    {{ return(adapter.dispatch('named_identifiers')(prefix)) }}
{%- endmacro %}
{% macro duckdb__named_identifiers(prefix) -%}
    nullif(list_filter(
        flatten([
            {%- for type in identifier_types() %}
            {%- if type in ['external_id', 'device_id'] %}
            list_transform(coalesce({{ prefix }}{{ type }}s, []), lambda id: {'type': '{{ type }}', 'value': id})
            {%- else %}
            [{'type': '{{ type }}', 'value': {{ prefix }}{{ type }}}]
            {%- endif %}{{ ',' if not loop.last }}
            {%- endfor %}
        ]),
        lambda named: named.value is not null
    ), [])
{%- endmacro %}
