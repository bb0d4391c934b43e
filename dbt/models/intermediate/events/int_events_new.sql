{{ config(materialized='table') }}

{#- A run that may rebuild everything reads the history itself: see `recent_events`. -#}
select *
from {{ ref('int_events') }}
where {{ is_since_complete_run() if var('is_tick', false) else 'false' }}
