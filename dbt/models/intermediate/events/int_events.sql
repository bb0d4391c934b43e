{{ config(materialized='incremental', incremental_strategy='append') }}

{#- Rows of a load that this table has not taken yet, and earlier rows that were dated in the future. -#}
{%- if is_incremental() -%}
{%- set last_load_id = '(select coalesce(max(load_id), -1) from ' ~ this ~ ')' -%}
{%- set last_seen_at = '(select coalesce(max(seen_at), ' ~ never() ~ ') from ' ~ this ~ ')' -%}
{%- set last_as_of = '(select coalesce(max(taken_as_of), ' ~ never() ~ ') from ' ~ this
    ~ ' where seen_at = ' ~ last_seen_at ~ ')' -%}
{%- endif -%}

with

blocked as (

    select
        {%- for type in ['external_id', 'device_id'] %}
        {{ list_in_order("case when identifier_type in ('*', '" ~ type ~ "') then value end", 'value') }}
            as {{ type }}s_of_nobody,
        {%- endfor %}
    from {{ ref('blocked_identifiers') }}

),

arrived as (

    select * from {{ ref('stg_events__events') }}
    where
        visible_at <= {{ as_of() }}
        {%- if is_incremental() %}
        and load_id > {{ last_load_id }}

    union all

    select * from {{ ref('stg_events__events') }}
    where
        visible_at <= {{ as_of() }}
        and load_id <= {{ last_load_id }}
        and occurred_at > {{ last_as_of }}

    union all

    select * from {{ ref('stg_events__events') }}
    where
        visible_at <= {{ as_of() }}
        and load_id <= {{ last_load_id }}
        and occurred_at <= {{ last_as_of }}
        and received_at > {{ last_as_of }}
        {%- endif %}

),

unique_in_batch as (

    select *
    from arrived
    qualify row_number() over (
        partition by event_id order by load_id, landing_file, line_number
    ) = 1

),

{%- if is_incremental() %}

{#- A repeated event has its old id and, but for a corrected clock, its old time: so look only around the times of
    what arrived, and apart for what is late, so that one old event does not make us read all that came since.
    Where nothing is late, a bound in the far future (a null would not stop DuckDB from reading everything). -#}
taken as (
    {% for is_late in ['true', 'false'] %}
    {%- set late = "(occurred_at < " ~ last_as_of ~ " - interval 3 day) = " ~ is_late %}
    select event_id
    from {{ this }}
    where
        occurred_at >= (
            select coalesce(min(occurred_at), {{ ever_after() }}) - interval 1 day
            from unique_in_batch
            where {{ late }}
        )
        and occurred_at <= (
            select max(occurred_at) + interval 1 day from unique_in_batch where {{ late }}
        )
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}

),
{%- endif %}

{#- Values that stand for nobody identify nothing; they are kept apart, for the audit. -#}
{%- set singles, lists = ['user_id', 'email', 'phone', 'anonymous_id'], ['external_ids', 'device_ids'] %}

doubted as (

    select
        unique_in_batch.*,
        {%- for type in singles %}
        case when {{ is_blocked(type, type) }} then {{ type }} end as blocked_{{ type }},
        {%- endfor %}
        {%- for list in lists %}
        {{ blocked_among(list, list ~ '_of_nobody') }} as blocked_{{ list }},
        {{ unblocked(list, list ~ '_of_nobody') }} as believed_{{ list }},
        {%- endfor %}
    from unique_in_batch
    cross join blocked

),

believed as (

    select
        * replace (
            {%- for type in singles %}
            case when blocked_{{ type }} is null then {{ type }} end as {{ type }},
            {%- endfor %}
            {%- for list in lists %}
            believed_{{ list }} as {{ list }}{{ ',' if not loop.last }}
            {%- endfor %}
        ),
        {{ named_identifiers('blocked_') }} as blocked_identifiers,
    from doubted

),

identified as (

    select
        event_id,
        event_name,
        event_type,
        coalesce(profile_id, {{ strongest_identifier_id() }}) as identifier_id,
        user_id,
        anonymous_id,
        email,
        phone,
        external_ids,
        device_ids,
        blocked_identifiers,
        occurred_at,
        received_at,
        source,
        message_id,
        product_id,
        cart_id,
        order_id,
        properties,
        traits,
        load_id,
        {{ as_of() }} as taken_as_of,
        {%- if is_incremental() %}
        greatest({{ as_of() }}, {{ last_seen_at }} + interval 1 microsecond) as seen_at,
        {%- else %}
        {{ as_of() }} as seen_at,
        {%- endif %}
    from believed
    {%- if is_incremental() %}
    where event_id not in (select event_id from taken)
    {%- endif %}

)

select * from identified
order by occurred_at, event_id
