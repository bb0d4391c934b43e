{#- Folder = schema = Dagster group: no target prefix. One warehouse (or database) per workspace keeps them apart. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
