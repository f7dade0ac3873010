-- Results of runs over all their accounts. Sums of money are meaningful only if all accounts have one currency.
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
