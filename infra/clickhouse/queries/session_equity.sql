-- Equity of a session over market time, in at most so many points. A point is the last record of its group.
--   It begins with the first record that has a market time and shows every opening, so a deposit or withdrawal is a step.
--   drawdown_ratio: the lowest of the group, of the index of linked returns against its peak so far (metrics_returns.sql).
--   Amounts are in the account's currency.
WITH
    linked AS
    (
        SELECT periods[number].1 AS opening, periods[number].2 AS start, index[number] AS start_index
        FROM
        (
            SELECT
                arraySort(groupArray((opening, toFloat64(start_equity), toFloat64(end_equity)))) AS periods,
                arrayMap((period, place) -> paper_linked_growth(arraySlice(periods, 1, place - 1)),
                    periods, arrayEnumerate(periods)) AS index
            FROM v_sub_periods(run_id = {run_id:String})
            WHERE account_id = {account_id:String} AND session_id = {session_id:String}
        )
        ARRAY JOIN arrayEnumerate(periods) AS number
    ),
    valued AS
    (
        SELECT
            ts, offset, equity, cash, position_value, gross_exposure,
            max(if(`trigger` = 'SESSION_OPEN', offset, -1)) OVER (
                ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS opening
        FROM account_equity FINAL
        WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND session_id = {session_id:String}
    ),
    indexed AS
    (
        SELECT
            *, if(start > 0, start_index * toFloat64(equity) / start, start_index) AS index,
            index / max(index) OVER (ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1 AS below_peak
        FROM valued
        INNER JOIN linked USING (opening)
    ),
    records AS
    (
        SELECT
            *, intDiv((row_number() OVER (ORDER BY offset) - 1) * {points:UInt32}, count() OVER ()) AS point
        FROM indexed
        WHERE toUnixTimestamp64Nano(ts) > 0
    )
SELECT
    argMax(records.ts, offset) AS time,
    argMax(equity, offset) AS equity,
    argMax(cash, offset) AS cash,
    argMax(position_value, offset) AS net_exposure,
    argMax(gross_exposure, offset) AS gross_exposure,
    min(below_peak) AS drawdown_ratio
FROM records
GROUP BY point
ORDER BY time, point
