-- The venue's fills and the booked ones are the same, each once.
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(concat('execution ', exec_id, ': reported ', toString(reported), ' and booked ', toString(booked),
        ' times', if(versions > 1, ' with different numbers', '')), wrong) AS differences
FROM
(
    SELECT
        exec_id,
        countIf(side_of_book = 'venue') AS reported,
        countIf(side_of_book = 'account') AS booked,
        uniqExact(order_id, quantity, price, fee) AS versions,
        reported != 1 OR booked != 1 OR versions != 1 AS wrong
    FROM
    (
        SELECT
            'venue' AS side_of_book,
            exec_id,
            order_id,
            assumeNotNull(last_qty) AS quantity,
            assumeNotNull(last_px) AS price,
            ifNull(commission, toDecimal128(0, 18)) AS fee
        FROM executions
        WHERE run_id = {run_id:String} AND exec_type IN ('FILL', 'PARTIAL_FILL')
        UNION ALL
        SELECT 'account', exec_id, order_id, quantity, price, commission
        FROM fills
        WHERE run_id = {run_id:String}
    )
    GROUP BY exec_id
)
