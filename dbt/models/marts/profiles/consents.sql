{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['profile_id', 'channel', 'purpose'],
) }}

{#- Latest word of a person per channel and purpose. After a merge of two profiles the words of both count, and the
    rows of the profile that disappeared are deleted. -#}
with

new_words as (

    select identifiers.profile_id, given.seen_at
    from {{ ref('int_identifier_consents') }} as given
    inner join {{ touched_identifiers() }} as identifiers
        on given.identifier_id = identifiers.identifier_id
    where {{ is_new('given.seen_at') }} and identifiers.profile_id is not null

),

new_links as (

    select profile_id, identifier_id, seen_at
    from {{ ref('int_identifier_profiles') }}
    where {{ is_new() }}

),

touched as (

    select profile_id from new_words
    union
    select profile_id from new_links

),

words as (

    select
        identifiers.profile_id,
        given.channel,
        given.purpose,
        given.status,
        given.since,
        given.source,
        given.proof,
        given.consent_id,
    from touched
    inner join {{ touched_identifiers() }} as identifiers
        on touched.profile_id = identifiers.profile_id
    inner join {{ ref('int_identifier_consents') }} as given
        on identifiers.identifier_id = given.identifier_id

),

latest as (

    select
        *,
        (
            select greatest(
                (select max(seen_at) from new_words), (select max(seen_at) from new_links)
            )
        ) as seen_at,
    from words
    qualify row_number() over (
        partition by profile_id, channel, purpose order by since desc, consent_id desc
    ) = 1

)

select * from latest
{%- if is_incremental() %}

{{ and_retired_profiles('new_links') }}
{%- endif %}
