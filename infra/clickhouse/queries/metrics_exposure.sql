-- Exposure of a session, an account or a strategy relative to its equity, over time; a part is a day.
--   The values of a record hold until the session's next record and count on the record's day.
--   gross_exposure, net_exposure: integral of gross or signed position value over time / integral of equity.
--   time_in_market: share of the time with a position. Time runs from the first record after the opening to the last.
--   by: day or empty. scope, scope_id, time_zone: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    held AS
    (
        SELECT
            account_id, session_id, ts,
            toFloat64(equity) AS equity,
            toFloat64(position_value) AS net,
            toFloat64(gross_exposure) AS gross,
            (toUnixTimestamp64Nano(leadInFrame(ts, 1, ts) OVER following) - toUnixTimestamp64Nano(ts)) / 1e9 AS seconds
        FROM account_equity FINAL
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
            AND `trigger` != 'SESSION_OPEN' AND gross_exposure IS NOT NULL
        WINDOW following AS
        (
            PARTITION BY account_id, session_id ORDER BY offset ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        )
    )
SELECT
    scope_id,
    currency,
    if({by:String} = 'day', toString(toDate(ts, {time_zone:String})), '') AS part,
    paper_ratio(sum(gross * seconds), sum(equity * seconds)) AS gross_exposure,
    paper_ratio(sum(net * seconds), sum(equity * seconds)) AS net_exposure,
    max(paper_ratio(gross, equity)) AS max_gross_exposure,
    paper_ratio(sumIf(seconds, gross > 0), sum(seconds)) AS time_in_market
FROM held
INNER JOIN scoped USING (account_id, session_id)
GROUP BY scope_id, currency, part
ORDER BY scope_id, currency, part
