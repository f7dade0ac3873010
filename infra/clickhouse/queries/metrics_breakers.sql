-- Circuit breaker trips of a session, an account or a strategy; a part is a day.
--   A trip is a transition to OPEN.
--   by: day or empty. scope, scope_id, time_zone: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    trips AS
    (
        SELECT
            toString(account_id) AS account_id, toString(session_id) AS session_id,
            if({by:String} = 'day', toString(toDate(ts, {time_zone:String})), '') AS day
        FROM risk_events
        WHERE run_id = {run_id:String} AND kind = 'BREAKER_TRANSITION' AND breaker_state = 'OPEN'
        UNION ALL
        SELECT account_id, session_id, NULL
        FROM scoped
        WHERE {by:String} = ''
    )
SELECT scope_id, currency, ifNull(day, '') AS part, count(day) AS breaker_trips
FROM trips
INNER JOIN scoped USING (account_id, session_id)
GROUP BY scope_id, currency, part
ORDER BY scope_id, currency, part
