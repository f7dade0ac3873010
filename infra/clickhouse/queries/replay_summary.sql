-- Results of runs over all their accounts. Sums of money are meaningful only if all accounts have one currency.
--   A record counts with its change since the account's record before it. An opening is no result: its cash is a flow.
SELECT
    run_id,
    uniqExact(account_id) AS accounts,
    sum(fills) AS fills, sum(fees) AS fees, sum(realised) AS realised,
    sum(result) AS result, min(drawdown) AS worst_drawdown
FROM
(
    SELECT
        run_id, account_id,
        sum(equity - equity_before) AS result,
        sum(commission - commission_before) AS fees,
        sum(realised_pnl - realised_before) AS realised,
        countIf(reason = 'FILL') AS fills,
        min(record_drawdown) AS drawdown
    FROM
    (
        SELECT
            run_id, account_id, equity, commission, realised_pnl, `trigger` AS reason,
            drawdown AS record_drawdown,
            if(reason = 'SESSION_OPEN', equity, lagInFrame(equity, 1, equity) OVER so_far) AS equity_before,
            if(reason = 'SESSION_OPEN', commission, lagInFrame(commission, 1, commission) OVER so_far) AS commission_before,
            if(reason = 'SESSION_OPEN', realised_pnl, lagInFrame(realised_pnl, 1, realised_pnl) OVER so_far)
                AS realised_before
        FROM account_equity FINAL
        WHERE run_id IN {run_ids:Array(String)}
        WINDOW so_far AS
        (
            PARTITION BY run_id, account_id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
    GROUP BY run_id, account_id
)
GROUP BY run_id
ORDER BY run_id
