-- The last trade of a symbol. id: as in serve_trades.sql.
SELECT
    toUnixTimestamp64Nano(ts) AS ts_ns,
    px,
    sz,
    aggressor,
    bitAnd(sipHash64(partition, offset, ts_ns, px, sz), 9007199254740991) AS id
FROM v_trades
WHERE run_id = {run_id:String} AND symbol = {symbol:String}
ORDER BY ts DESC, offset DESC
LIMIT 1
