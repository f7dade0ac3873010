-- Rejected orders of a session, an account or a strategy by reason, and their share of all answered orders.
--   An order is answered once: accepted by its venue, or rejected by the controls or the venue.
--   scope, scope_id: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    answered AS
    (
        SELECT account_id, session_id, exec_type, ifNull(reason_code, '') AS reason, count() AS results
        FROM order_results
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, session_id, exec_type, reason
    )
SELECT scope_id, currency, part, rejects_of_reason, reject_rate_of_reason
FROM
(
    SELECT
        scope_id, currency, if(exec_type = 'REJECTED', reason, '') AS part,
        sumIf(results, exec_type = 'REJECTED') AS rejects_of_reason,
        paper_ratio(rejects_of_reason, sum(sum(results)) OVER (PARTITION BY scope_id, currency)) AS reject_rate_of_reason
    FROM answered
    INNER JOIN scoped USING (account_id, session_id)
    WHERE exec_type IN ('NEW', 'REJECTED')
    GROUP BY scope_id, currency, part
)
WHERE rejects_of_reason > 0
ORDER BY scope_id, currency, part
