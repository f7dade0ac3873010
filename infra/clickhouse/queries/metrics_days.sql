-- Each day of a session, an account or a strategy: equity, profit and loss, return, drawdown.
--   drawdown: the index of the linked returns at the day's end against its highest earlier end, or the start.
--   day_cash_flow: deposits less withdrawals between the sessions of the day; no profit, no return.
--   Parameters and conventions: as in metrics_returns.sql.
WITH
    gathered AS
    (
        SELECT
            scope_id, currency,
            arraySort(groupArray((day, day_start, day_end, day_pnl, day_growth, day_drawdown))) AS rows,
            arrayMap(row -> ifNull(row.5, 1.) - 1, rows) AS returns,
            paper_wealth(returns) AS wealth,
            paper_drawdowns(wealth) AS drawdowns,
            min(day_growth IS NOT NULL) AS has_returns
        FROM v_scope_days(
            run_id = {run_id:String}, time_zone = {time_zone:String}, scope = {scope:String},
            scope_id = {scope_id:String})
        GROUP BY scope_id, currency
    )
SELECT
    scope_id,
    currency,
    toString(row.1) AS part,
    row.2 AS day_start_equity,
    row.3 AS day_end_equity,
    row.4 AS day_pnl,
    row.3 - row.2 - row.4 AS day_cash_flow,
    if(has_returns, returns[number], NULL) AS daily_return,
    if(has_returns, wealth[number + 1] - 1, NULL) AS cumulative_return,
    if(has_returns, drawdowns[number + 1], NULL) AS drawdown,
    row.6 AS drawdown_intraday
FROM gathered
ARRAY JOIN rows AS row, arrayEnumerate(rows) AS number
ORDER BY scope_id, currency, part
