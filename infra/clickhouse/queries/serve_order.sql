-- An order that has ended, as its terminal result tells it. Prices and quantities: integers of 1e-9; times: UTC nanoseconds.
SELECT
    symbol,
    side,
    order_type,
    time_in_force,
    ord_status,
    text,
    toInt64(order_qty * 1000000000) AS quantity,
    toInt64(price * 1000000000) AS limit_px,
    toInt64(cum_qty * 1000000000) AS filled_qty,
    toInt64(avg_px * 1000000000) AS average_px,
    toUnixTimestamp64Nano(order_ts) AS order_ts_ns,
    toUnixTimestamp64Nano(ts) AS ts_ns
FROM order_results FINAL
WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND order_id = {order_id:String} AND terminal
ORDER BY offset DESC
LIMIT 1
