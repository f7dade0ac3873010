-- Breakers of a strategy: trips in the last days of its market time, and breakers that are not closed now.
--   A breaker belongs to the strategy, to one of its accounts, or to the desk. A breaker of the desk has no account and
--   counts as open for every strategy. Parameters: strategy_id, days.
WITH
    accounts AS
    (
        SELECT DISTINCT account_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
    ),
    (
        SELECT max(ts) FROM account_equity
        WHERE run_id = {run_id:String} AND toString(account_id) IN accounts
    ) AS last_ts,
    transitions AS
    (
        SELECT account_id, breaker, breaker_state, ts, partition, offset
        FROM risk_events FINAL
        WHERE run_id = {run_id:String} AND kind = 'BREAKER_TRANSITION'
            AND (account_id = '' OR toString(account_id) IN accounts
                OR ifNull(toString(strategy_id), '') = {strategy_id:String})
    )
SELECT
    (
        SELECT count() FROM transitions
        WHERE breaker_state = 'OPEN' AND account_id != '' AND ts > last_ts - toIntervalDay({days:UInt32})
    ) AS trips,
    (
        SELECT count() FROM
        (
            SELECT argMax(breaker_state, (ts, offset)) AS state FROM transitions GROUP BY account_id, breaker, partition
        )
        WHERE state != 'CLOSED'
    ) AS open_breakers
