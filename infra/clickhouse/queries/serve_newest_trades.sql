-- The newest trades of a symbol, newest first: those of its newest records.
-- include numbered_trades
    AND (partition, offset) IN
    (
        SELECT partition, offset FROM market_data
        WHERE run_id = {run_id:String} AND symbol = {symbol:String} AND notEmpty(trade_px)
        ORDER BY ts DESC, offset DESC
        LIMIT {rows_max:Int64}
    )
ORDER BY ts DESC, offset DESC
LIMIT {rows_max:Int64}
