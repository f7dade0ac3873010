-- Equity of a session over market time, in at most so many points. A point is the last record of its group.
--   It begins at the session's last opening, with the first record that has a market time. drawdown, drawdown_ratio: the
--   lowest drawdown of the group, as an amount and as a share of the peak. Amounts are in the account's currency.
WITH
    records AS
    (
        SELECT
            ts, offset, equity, cash, position_value, gross_exposure, drawdown, peak_equity,
            intDiv((row_number() OVER (ORDER BY offset) - 1) * {points:UInt32}, count() OVER ()) AS point
        FROM account_equity FINAL
        WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND session_id = {session_id:String}
            AND toUnixTimestamp64Nano(ts) > 0
            AND offset >=
            (
                SELECT max(offset)
                FROM account_equity
                WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND session_id = {session_id:String}
                    AND `trigger` = 'SESSION_OPEN'
            )
    )
SELECT
    argMax(records.ts, offset) AS time,
    argMax(equity, offset) AS equity,
    argMax(cash, offset) AS cash,
    argMax(position_value, offset) AS net_exposure,
    argMax(gross_exposure, offset) AS gross_exposure,
    min(drawdown) AS drawdown,
    min(if(peak_equity > 0, toFloat64(records.drawdown) / toFloat64(peak_equity), NULL)) AS drawdown_ratio
FROM records
GROUP BY point
ORDER BY time, point
