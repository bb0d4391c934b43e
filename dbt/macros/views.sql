{#- On DuckDB a view is replaced in one statement. dbt's own way (make it beside, rename both, drop the old one) takes
    six, and a tick replaces every view that names its moment. -#}
{% materialization view, adapter="duckdb" %}
    {%- set existing, target = load_cached_relation(this), this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and not existing.is_view %}{% do adapter.drop_relation(existing) %}{% endif -%}
    {% call statement('main') %}{{ get_create_view_as_sql(target, sql) }}{% endcall %}
    {%- do persist_docs(target, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- As dbt-duckdb has it, with `or replace`. -#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {%- if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
    create or replace view {{ relation }} as (
        {{ sql }}
    );
{%- endmacro %}
