{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['profile_id', 'channel', 'purpose'],
) }}

{#- Latest word of a person per channel and purpose; on a tie the no. After a merge of two profiles the words of both count, and the
    rows of the profile that disappeared are deleted. After they are unlinked again, a no from before counts for both:
    nobody knows whose it was. -#}
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

said_of as (

    select profile_id from new_words
    union
    select profile_id from new_links

),

touched as (

    select profile_id from said_of
    union
    select profile_id
    from {{ ref('int_profiles_unlinked') }}
    where former_profile_id in (select profile_id from said_of)

),

{% set word = 'given.channel, given.purpose, given.status, given.since, given.source, given.proof, given.consent_id' -%}
words as (

    select identifiers.profile_id, {{ word }}
    from touched
    inner join {{ touched_identifiers() }} as identifiers
        on touched.profile_id = identifiers.profile_id
    inner join {{ ref('int_identifier_consents') }} as given
        on identifiers.identifier_id = given.identifier_id

    union all

    select touched.profile_id, {{ word }}
    from touched
    inner join {{ ref('int_profiles_unlinked') }} as unlinked
        on touched.profile_id = unlinked.profile_id
    inner join {{ touched_identifiers() }} as identifiers
        on unlinked.former_profile_id = identifiers.profile_id
    inner join {{ ref('int_identifier_consents') }} as given
        on
            identifiers.identifier_id = given.identifier_id
            and given.status = 'unsubscribed'
            and given.since <= unlinked.unlinked_at

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
        partition by profile_id, channel, purpose
        order by since desc, status = 'unsubscribed' desc, consent_id desc
    ) = 1

)

select * from latest
{%- if is_incremental() %}

{{ and_retired_profiles('new_links') }}

union all

-- words that a person has lost to another
select known.* replace (cast(null as timestamp) as seen_at)
from {{ this }} as known
left join latest
    on
        known.profile_id = latest.profile_id
        and known.channel = latest.channel
        and known.purpose = latest.purpose
where
    latest.profile_id is null
    and known.profile_id in (
        select profile_id from new_links where profile_id = identifier_id
    )
{%- endif %}
