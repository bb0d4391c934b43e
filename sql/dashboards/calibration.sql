-- How far to believe each attribution model: orders that the hold-out says were caused over orders credited (1 is right).
select
    name as flow,
    model,
    order_count as credited_orders,
    caused_order_count as caused_orders,
    calibration,
    calibration_low,
    calibration_high,
    1 between calibration_low and calibration_high as agrees,
    calibration_warning as warning,
from attribution
where dimension = 'flow'
order by flow, abs(calibration - 1), model
