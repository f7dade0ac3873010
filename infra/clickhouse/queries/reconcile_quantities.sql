-- The executed quantity of an order is the sum of its fills, and not above what was ordered.
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(concat('order ', account_id, '/', order_id, ': fills sum to ', toString(filled), ', cum_qty is ',
        toString(executed), ', ordered ', toString(ordered)), wrong) AS differences
FROM
(
    SELECT
        account_id,
        order_id,
        sum(ifNull(last_qty, toDecimal64(0, 9))) AS filled,
        argMax(cum_qty, (ts, cum_qty, offset)) AS executed,
        argMax(ifNull(order_qty, toDecimal64(0, 9)), offset) AS ordered,
        filled != executed OR filled > ordered AS wrong
    FROM executions
    WHERE run_id = {run_id:String} AND exec_type != 'CANCEL_REJECT'
    GROUP BY account_id, order_id
)
