-- Results of each account in two runs: fills, costs, money, rejects and breaker trips, in the account's currency.
WITH
    counted AS
    (
        SELECT run_id, account_id, count() AS fills, sum(commission) AS fees, sum(realised_pnl) AS realised
        FROM fills FINAL
        WHERE run_id IN ({run_a:String}, {run_b:String})
        GROUP BY run_id, account_id
    ),
    worth AS
    (
        SELECT
            run_id, account_id, argMax(equity, (kafka_timestamp, offset)) AS equity,
            min(drawdown) AS drawdown
        FROM account_equity FINAL
        WHERE run_id IN ({run_a:String}, {run_b:String})
        GROUP BY run_id, account_id
    ),
    decided AS
    (
        SELECT
            run_id, account_id,
            countIf(kind = 'ORDER_REJECTED') AS rejects,
            countIf(kind = 'BREAKER_TRANSITION' AND breaker_state = 'OPEN') AS trips
        FROM risk_events FINAL
        WHERE run_id IN ({run_a:String}, {run_b:String})
        GROUP BY run_id, account_id
    ),
    accounts AS
    (
        SELECT
            worth.run_id AS run_id, worth.account_id AS account_id, equity, drawdown,
            ifNull(fills, 0) AS fills, ifNull(fees, 0) AS fees, ifNull(realised, 0) AS realised,
            ifNull(rejects, 0) AS rejects, ifNull(trips, 0) AS trips
        FROM worth
        LEFT JOIN counted USING (run_id, account_id)
        LEFT JOIN decided USING (run_id, account_id)
    )
SELECT
    account_id,
    anyIf(fills, run_id = {run_a:String}) AS fills_a, anyIf(fills, run_id = {run_b:String}) AS fills_b,
    anyIf(fees, run_id = {run_a:String}) AS fees_a, anyIf(fees, run_id = {run_b:String}) AS fees_b,
    anyIf(realised, run_id = {run_a:String}) AS realised_a, anyIf(realised, run_id = {run_b:String}) AS realised_b,
    anyIf(equity, run_id = {run_a:String}) AS equity_a, anyIf(equity, run_id = {run_b:String}) AS equity_b,
    anyIf(drawdown, run_id = {run_a:String}) AS drawdown_a, anyIf(drawdown, run_id = {run_b:String}) AS drawdown_b,
    anyIf(rejects, run_id = {run_a:String}) AS rejects_a, anyIf(rejects, run_id = {run_b:String}) AS rejects_b,
    anyIf(trips, run_id = {run_a:String}) AS trips_a, anyIf(trips, run_id = {run_b:String}) AS trips_b
FROM accounts
GROUP BY account_id
ORDER BY account_id
