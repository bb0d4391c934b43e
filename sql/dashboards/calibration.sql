-- How far to believe each attribution model: orders that the hold-out says were caused over orders credited (1 is right).
select
    name as flow,
    model,
    round(order_count, 1) as credited_orders,
    round(caused_order_count, 1) as caused_orders,
    round(calibration, 2) as calibration,
    round(calibration_low, 2) as calibration_low,
    round(calibration_high, 2) as calibration_high,
    1 between attribution.calibration_low and attribution.calibration_high as agrees,
    calibration_warning as warning,
from attribution
where dimension = 'flow'
order by flow, abs(attribution.calibration - 1), model
