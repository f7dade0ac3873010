-- The last trade of a symbol.
SELECT toUnixTimestamp64Nano(ts) AS ts_ns, px, sz FROM v_trades
WHERE run_id = {run_id:String} AND symbol = {symbol:String}
ORDER BY ts DESC, offset DESC
LIMIT 1
