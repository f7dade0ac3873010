-- The levels of the newest book of a symbol, best first. Empty if its market tells quotes alone.
SELECT is_bid, level_of_side, px, sz, ts_ns
FROM
(
    SELECT is_bid, level_of_side, px, sz, toUnixTimestamp64Nano(ts) AS ts_ns
    FROM v_levels
    WHERE run_id = {run_id:String} AND symbol = {symbol:String} AND level_of_side <= {levels:Int64} AND (partition, offset) IN
    (
        SELECT partition, offset FROM market_data
        WHERE run_id = {run_id:String} AND symbol = {symbol:String} AND notEmpty(book_bids)
        ORDER BY ts DESC, offset DESC
        LIMIT 1
    )
    ORDER BY ts_ns DESC
    LIMIT 1 WITH TIES
)
ORDER BY is_bid DESC, level_of_side
