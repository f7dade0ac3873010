-- The accounts that have used a session id in a run. Parameters: session_id.
SELECT DISTINCT account_id
FROM v_scope(run_id = {run_id:String}, scope = 'session', scope_id = '')
WHERE session_id = {session_id:String}
ORDER BY account_id
