{#- Whether a row of `sends` is a message that left: to a person, by the vendor's word or else by the first proof. A
    profile update and a call of a webhook go through the same ledger, but reach nobody. -#}
{% macro was_sent(sends) -%}
    ({{ left_at(sends) }} is not null and {{ goes_to_people(sends ~ '.channel') }})
{%- endmacro %}

{#- When it left. A vendor's receipt may get lost, and what somebody has opened has left all the same. -#}
{% macro left_at(sends) -%}
    coalesce(
        {{ sends }}.sent_at, {{ sends }}.delivered_at, {{ sends }}.opened_at, {{ sends }}.clicked_at
    )
{%- endmacro %}

{#- Whether a message that left also arrived, as far as anybody can know: it neither bounced nor was refused, or it was
    opened or clicked. This is what rates are shares of: SMTP and most of SMS never report a delivery. -#}
{% macro was_reached(sends) -%}
    (
        {{ was_sent(sends) }}
        and (
            {{ sends }}.status not in ('bounced', 'rejected')
            or coalesce({{ sends }}.opened_at, {{ sends }}.clicked_at) is not null
        )
    )
{%- endmacro %}

{#- Whether a channel carries messages to people. One that the sender left out does: events of other systems. -#}
{% macro goes_to_people(channel) -%}
    coalesce({{ channel }}, 'unknown') not in ('profile', 'webhook')
{%- endmacro %}
