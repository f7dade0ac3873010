-- Checks after each fill, and at the newest position of each account and symbol: position = sum of fills.
-- A session starts and ends flat, so the sum over all sessions is that of the last one. Only the check from Kafka covers
-- split symbols: it knows the order of fills and splits.
WITH
    split AS (SELECT DISTINCT symbol FROM executions WHERE run_id = {run_id:String} AND exec_type = 'SPLIT'),
    booked AS
    (
        SELECT
            account_id, symbol, exec_id, offset, position_qty,
            sum(if(side = 'BUY', quantity, -quantity)) OVER (
                PARTITION BY account_id, symbol ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS filled
        FROM fills
        WHERE run_id = {run_id:String} AND symbol NOT IN (SELECT symbol FROM split)
    ),
    summed AS
    (
        SELECT account_id, symbol, argMax(filled, offset) AS filled FROM booked GROUP BY account_id, symbol
    ),
    newest AS
    (
        SELECT account_id, symbol, argMax(quantity, offset) AS held
        FROM positions
        WHERE run_id = {run_id:String} AND symbol NOT IN (SELECT symbol FROM split)
        GROUP BY account_id, symbol
    )
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(concat('account ', account_id, place, ': position in ', symbol, ' is ', held,
        ', its fills sum to ', toString(filled)), wrong) AS differences
FROM
(
    SELECT
        account_id, symbol, filled,
        concat(' after fill ', exec_id) AS place,
        toString(position_qty) AS held,
        position_qty != filled AS wrong
    FROM booked
    UNION ALL
    SELECT account_id, symbol, ifNull(filled, toDecimal64(0, 9)), '', ifNull(toString(held), 'not on positions'),
        ifNull(held != filled, true)
    FROM summed
    FULL OUTER JOIN newest USING (account_id, symbol)
)
SETTINGS join_use_nulls = 1
