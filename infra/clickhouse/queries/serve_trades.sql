-- The trades of a symbol, oldest first. id: a number for the clients that drop what they have seen; below 2 to the 53.
SELECT
    toUnixTimestamp64Nano(ts) AS ts_ns,
    px,
    sz,
    aggressor,
    bitAnd(sipHash64(partition, offset, ts_ns, px, sz), 9007199254740991) AS id
FROM v_trades
WHERE run_id = {run_id:String} AND symbol = {symbol:String}
    AND ts >= fromUnixTimestamp64Nano({from_ns:Int64}) AND ts < fromUnixTimestamp64Nano({to_ns:Int64})
ORDER BY ts, offset
LIMIT {rows_max:Int64}
