-- Middle prices of the symbols that a session traded, during the session, in at most so many points a symbol.
--   A point is the last two-sided quote of its group, as conflated on marks.
WITH
    (
        SELECT (min(ts), max(ts))
        FROM account_equity
        WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND session_id = {session_id:String}
            AND toUnixTimestamp64Nano(ts) > 0
    ) AS span,
    quoted AS
    (
        SELECT
            symbol, ts, offset, (bid_px + ask_px) / 2 AS middle,
            intDiv((row_number() OVER (PARTITION BY symbol ORDER BY ts, offset) - 1) * {points:UInt32},
                count() OVER (PARTITION BY symbol)) AS point
        FROM marks FINAL
        WHERE run_id = {run_id:String} AND kind = 'QUOTE' AND bid_px IS NOT NULL AND ask_px IS NOT NULL
            AND ts BETWEEN span.1 AND span.2
            AND partition = (SELECT min(partition) FROM marks WHERE run_id = {run_id:String})
            AND symbol IN
            (
                SELECT symbol FROM fills
                WHERE run_id = {run_id:String} AND account_id = {account_id:String}
                    AND session_id = {session_id:String}
            )
    )
SELECT symbol, max(ts) AS time, argMax(middle, (ts, offset)) AS mid
FROM quoted
GROUP BY symbol, point
ORDER BY symbol, time
