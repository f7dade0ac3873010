-- The last equity of an account in each span of time, newest last. span_s: length of a span in seconds.
SELECT
    intDiv(toUnixTimestamp64Nano(ts), 1000000000 * {span_s:Int64}) * {span_s:Int64} AS start_s,
    argMax(equity, (ts, offset)) AS equity
FROM account_equity FINAL
WHERE run_id = {run_id:String} AND account_id = {account_id:String}
    AND ts >= fromUnixTimestamp64Nano({from_ns:Int64}) AND ts <= fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY start_s
ORDER BY start_s
LIMIT {rows_max:Int64}
