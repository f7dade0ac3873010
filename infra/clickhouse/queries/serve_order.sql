-- An order that has ended, as its terminal result tells it. Times: UTC nanoseconds.
SELECT
    symbol,
    side,
    order_type,
    time_in_force,
    ord_status,
    text,
    order_qty,
    price,
    cum_qty,
    avg_px,
    toUnixTimestamp64Nano(order_ts) AS order_ts_ns,
    toUnixTimestamp64Nano(ts) AS ts_ns
FROM order_results FINAL
WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND order_id = {order_id:String} AND terminal
ORDER BY offset DESC
LIMIT 1
