-- FIFO lots of a session, an account or a strategy in the order of opening; see v_lots.
--   Amounts are in the account's currency; pnl is after fees. closed and pnl are NULL for an open lot.
--   scope, scope_id: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    )
SELECT
    scope_id, currency, account_id, symbol, if(direction > 0, 'LONG', 'SHORT') AS side, quantity,
    opened, closed, open_exec_id, close_exec_id, open_value, close_value, fees, pnl,
    if(closed IS NULL, NULL, (toUnixTimestamp64Nano(assumeNotNull(closed)) - toUnixTimestamp64Nano(opened)) / 1e9)
        AS holding_seconds
FROM v_lots
INNER JOIN scoped USING (account_id, session_id)
WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
ORDER BY opened, account_id, symbol, open_exec_id, closed
