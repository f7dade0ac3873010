-- The strategies that have had a session in a run.
SELECT DISTINCT scope_id AS strategy_id
FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = '')
ORDER BY strategy_id
