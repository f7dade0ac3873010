-- The newest trades of a symbol, newest first: those of its newest records.
SELECT toUnixTimestamp64Nano(ts) AS ts_ns, px, sz, aggressor
FROM v_trades
WHERE run_id = {run_id:String} AND symbol = {symbol:String} AND (partition, offset) IN
(
    SELECT partition, offset FROM market_data
    WHERE run_id = {run_id:String} AND symbol = {symbol:String} AND notEmpty(trade_px)
    ORDER BY ts DESC, offset DESC
    LIMIT {rows_max:Int64}
)
ORDER BY ts DESC, offset DESC
LIMIT {rows_max:Int64}
