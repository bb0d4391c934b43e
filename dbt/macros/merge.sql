{#- `merge` on DuckDB: delete the rows that come again, insert them all. DuckDB 2.0 updates 57,000 rows of 34 columns in
    77 s, deletes and inserts them in 0.4 s. A row that matches the model's `meta.retired` condition only deletes.
    `meta.replaced_since` is a bound on the rows that can come again (`given` is what comes): older ones are not read. -#}
{% macro duckdb__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set retired = config.get('meta', {}).get('retired') -%}
    {%- set since = config.get('meta', {}).get('replaced_since') -%}
    delete from {{ target }} as kept using {{ source }} as given
    where {% for key in keys %}kept.{{ key }} = given.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- for column, given_column in (since or {}).items() %}
    and kept.{{ column }} >= (select min(bound.{{ given_column }}) from {{ source }} as bound)
    {%- endfor %};
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ source }}{% if retired %} where not ({{ retired }}){% endif %}
{%- endmacro %}

{#- The rows of this model about profiles that a merge ended, marked for `meta.retired` by an empty `seen_at`.
    `links` is the relation of new identifier links. -#}
{% macro and_retired_profiles(links) -%}
    union all

    select known.* replace (cast(null as timestamp) as seen_at)
    from {{ this }} as known
    where
        known.profile_id in (
            select identifier_id from {{ links }} where profile_id <> identifier_id
        )
{%- endmacro %}
