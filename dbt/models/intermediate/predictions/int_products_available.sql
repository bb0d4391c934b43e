-- where the catalogue does not say how many there are, there are some
select * from {{ ref('products') }} where coalesce(stock, 1) > 0
