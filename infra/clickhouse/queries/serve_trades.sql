-- The trades of a symbol, oldest first.
-- include numbered_trades
    AND ts >= fromUnixTimestamp64Nano({from_ns:Int64}) AND ts < fromUnixTimestamp64Nano({to_ns:Int64})
ORDER BY ts, offset
LIMIT {rows_max:Int64}
