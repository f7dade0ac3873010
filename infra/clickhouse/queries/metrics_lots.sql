-- The FIFO lots of a session, an account or a strategy in the order of opening; see v_lots.
--   Amounts in the account's currency; pnl is net of fees; closed and pnl are NULL for a lot that is open.
--   scope, scope_id: as in metrics_returns.sql.
SELECT
    scope_id, currency, v_lots.account_id AS account_id, symbol, if(direction > 0, 'LONG', 'SHORT') AS side, quantity,
    opened, closed, open_exec_id, close_exec_id, open_value, close_value, fees, pnl,
    if(closed IS NULL, NULL, (toUnixTimestamp64Nano(assumeNotNull(closed)) - toUnixTimestamp64Nano(opened)) / 1e9)
        AS holding_seconds
FROM v_lots
INNER JOIN v_scopes AS scopes ON v_lots.account_id = scopes.account_id AND v_lots.session_id = scopes.session_id
WHERE v_lots.run_id = {run_id:String} AND scopes.run_id = {run_id:String} AND scope = {scope:String}
    AND ({scope_id:String} = '' OR scope_id = {scope_id:String})
    AND v_lots.account_id IN
    (
        SELECT account_id FROM v_scopes
        WHERE run_id = {run_id:String} AND scope = {scope:String}
            AND ({scope_id:String} = '' OR scope_id = {scope_id:String})
    )
ORDER BY opened, account_id, symbol, open_exec_id, closed
