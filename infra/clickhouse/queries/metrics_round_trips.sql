-- Round trips (flat to flat) of a session, an account or a strategy in the order of opening; see v_round_trips.
--   Amounts are in the account's currency; pnl is after fees. An open round trip has closed NULL and its realised pnl.
--   holding_seconds: time until closed. scope, scope_id: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    )
SELECT
    scope_id, currency, account_id, symbol, trip,
    if(direction > 0, 'LONG', 'SHORT') AS side, opened, closed, open_quantity, entry_value, exit_value, fees, pnl,
    if(closed IS NULL, NULL, (toUnixTimestamp64Nano(assumeNotNull(closed)) - toUnixTimestamp64Nano(opened)) / 1e9)
        AS holding_seconds
FROM v_round_trips
INNER JOIN scoped USING (account_id, session_id)
WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
ORDER BY opened, account_id, symbol, trip
