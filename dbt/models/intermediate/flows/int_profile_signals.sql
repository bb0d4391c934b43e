with

signals as (
    select * from {{ ref('int_signals') }}
),

identifiers as (
    select * from {{ ref('int_flow_identifiers') }}
)

select
    identifiers.profile_id,
    signals.signal,
    signals.occurred_at,
    signals.reference,
    signals.seen_at,
from signals
inner join identifiers on signals.identifier_id = identifiers.identifier_id
