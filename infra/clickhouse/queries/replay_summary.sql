-- What runs came to, over all accounts of a run; equity and PnL are sums over accounts, of one currency where they are to mean anything.
SELECT
    run_id,
    uniqExact(account_id) AS accounts,
    sum(fills) AS fills, sum(fees) AS fees, sum(realised) AS realised,
    sum(result) AS result, min(drawdown) AS worst_drawdown
FROM
(
    SELECT
        run_id, account_id,
        argMax(equity, (kafka_timestamp, offset)) - argMin(equity, (kafka_timestamp, offset)) AS result,
        argMax(commission, (kafka_timestamp, offset)) AS fees,
        argMax(realised_pnl, (kafka_timestamp, offset)) AS realised,
        countIf(`trigger` = 'FILL') AS fills,
        min(account_equity.drawdown) AS drawdown
    FROM account_equity FINAL
    WHERE run_id IN {run_ids:Array(String)}
    GROUP BY run_id, account_id
)
GROUP BY run_id
ORDER BY run_id
