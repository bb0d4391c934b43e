{#- Whether members of a segment come and go without an event: it, or a segment it is built on, names `as_of`. -#}
{% macro changes_with_time(model_name) -%}
    {%- set node = graph.nodes.get('model.millrace.' ~ model_name) if execute else none -%}
    {%- if not node or 'macro.millrace.as_of' in node.depends_on.macros -%}
        {{ return(true) }}
    {%- endif -%}
    {%- for parent in node.depends_on.nodes if parent.startswith('model.millrace.segment_') -%}
        {%- if changes_with_time(parent.split('.')[2]) -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
