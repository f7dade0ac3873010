-- Bars of a symbol: from its trades, or from the middle of its quotes where it has no trades. Times are starts of bars.
SELECT
    intDiv(toUnixTimestamp64Nano(ts), 1000000000 * {span_s:Int64}) * {span_s:Int64} AS start_s,
    argMin(px, (ts, offset)) AS open,
    max(px) AS high,
    min(px) AS low,
    argMax(px, (ts, offset)) AS close,
    sum(sz) AS volume,
    count() AS updates,
    if(volume = 0, toFloat64(avg(px)), sum(toFloat64(px) * toFloat64(sz)) / toFloat64(sum(sz))) AS vwap
FROM
(
    SELECT ts, offset, px, sz FROM v_trades
    WHERE run_id = {run_id:String} AND symbol = {symbol:String}
    UNION ALL
    SELECT ts, offset, CAST((bid_px + ask_px) / 2, 'Decimal(18, 9)') AS px, CAST(0, 'Decimal(18, 9)') AS sz FROM v_quotes
    WHERE run_id = {run_id:String} AND symbol = {symbol:String} AND bid_px > 0 AND ask_px > 0
        AND NOT EXISTS (SELECT 1 FROM v_trades WHERE run_id = {run_id:String} AND symbol = {symbol:String})
)
WHERE ts >= fromUnixTimestamp64Nano({from_ns:Int64}) AND ts < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY start_s
ORDER BY start_s
LIMIT {rows_max:Int64}
