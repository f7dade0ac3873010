SELECT
    toUnixTimestamp64Nano(ts) AS ts_ns,
    px,
    sz,
    aggressor,
    -- A number by which clients drop what they have seen; below 2 to the 53.
    bitAnd(sipHash64(partition, offset, ts_ns, px, sz), 9007199254740991) AS id
FROM v_trades
WHERE run_id = {run_id:String} AND symbol = {symbol:String}
