-- Accounts whose breaker is open, by breaker, for Prometheus. A breaker that has closed again has 0.
SELECT breaker, countIf(state = 'OPEN') AS open
FROM
(
    SELECT
        account_id, ifNull(toString(breaker), '') AS breaker,
        argMax(breaker_state, (kafka_timestamp, offset)) AS state
    FROM risk_events
    WHERE run_id = {run_id:String} AND kind = 'BREAKER_TRANSITION'
    GROUP BY account_id, breaker
)
GROUP BY breaker
ORDER BY breaker
