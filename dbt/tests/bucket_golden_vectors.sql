-- the randomness of hold-outs and splits is a hash: these numbers are the same for ever, in every warehouse
with

vectors as (
    select 'hold_out' as salt, 'ann' as id, 0.5977058939170092 as expected
    union all
    select 'hold_out' as salt, '42' as id, 0.4198851145338267 as expected
    union all
    select 'hold_out:cart_recovery' as salt, 'ann' as id, 0.9810227667912841 as expected
    union all
    select 'cart_recovery:reminder' as salt, 'ann' as id, 0.23901370237581432 as expected
    union all
    select 'cart_recovery:reminder' as salt, '7e3c' as id, 0.34486032905988395 as expected
)

select
    salt,
    id,
    expected,
    {{ bucket('salt', 'id') }} as actual,
from vectors
where abs({{ bucket('salt', 'id') }} - expected) > 0.000000001
