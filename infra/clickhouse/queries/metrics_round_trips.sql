-- The round trips of a session, an account or a strategy, from flat to flat, in the order of opening; see v_round_trips.
--   Amounts in the account's currency; pnl is net of fees. closed is NULL for one that is open: its pnl is what has been
--   realised. holding_seconds: until closed. scope, scope_id: as in metrics_returns.sql.
SELECT
    scope_id, currency, v_round_trips.account_id AS account_id, symbol, trip,
    if(direction > 0, 'LONG', 'SHORT') AS side, opened, closed, open_quantity, entry_value, exit_value, fees, pnl,
    if(closed IS NULL, NULL, (toUnixTimestamp64Nano(assumeNotNull(closed)) - toUnixTimestamp64Nano(opened)) / 1e9)
        AS holding_seconds
FROM v_round_trips
INNER JOIN v_scopes AS scopes
    ON v_round_trips.account_id = scopes.account_id AND v_round_trips.session_id = scopes.session_id
WHERE v_round_trips.run_id = {run_id:String} AND scopes.run_id = {run_id:String} AND scope = {scope:String}
    AND ({scope_id:String} = '' OR scope_id = {scope_id:String})
    AND v_round_trips.account_id IN
    (
        SELECT account_id FROM v_scopes
        WHERE run_id = {run_id:String} AND scope = {scope:String}
            AND ({scope_id:String} = '' OR scope_id = {scope_id:String})
    )
ORDER BY opened, account_id, symbol, trip
