-- Fills of a session, an account or a strategy, and how many of them the MockExecutor drew; NULL without fills.
--   Parameters: scope, scope_id as in metrics_returns.sql.
SELECT count() AS fills, if(count() = 0, NULL, countIf(simulator = 'mock')) AS mock_fills
FROM fills FINAL
WHERE run_id = {run_id:String}
    AND (toString(account_id), ifNull(toString(session_id), '')) IN
    (
        SELECT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    )
