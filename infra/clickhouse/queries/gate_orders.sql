-- Share of a strategy's orders that the venue rejected, of all answered orders; NULL without orders.
--   Parameters: strategy_id.
SELECT
    paper_ratio(countIf(source = 'EXECUTION' AND exec_type = 'REJECTED'), countIf(exec_type IN ('NEW', 'REJECTED')))
        AS error_rate
FROM order_results FINAL
WHERE run_id = {run_id:String}
    AND (toString(account_id), ifNull(toString(session_id), '')) IN
    (
        SELECT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
    )
