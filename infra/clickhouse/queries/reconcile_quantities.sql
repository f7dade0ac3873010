-- Checks that the executed quantity of an order is the sum of its fills and within the quantity asked for, and that no
-- fill is beyond the limit asked for. A REPLACED report puts the quantity and limit of its request in force; a RESTATED
-- report puts its own quantity in force, if that is smaller. Only the check from Kafka covers split orders.
WITH
    -- include closing_orders
    asked AS
    (
        SELECT
            account_id,
            order_id,
            argMin((toString(side), quantity, price), offset) AS request
        FROM orders
        WHERE run_id = {run_id:String}
            AND kafkaMurmurHash(toString(account_id)) % {account_partitions:UInt32} = partition
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'orders' AND stage != 'sink'
            )
        GROUP BY account_id, order_id
        UNION ALL
        SELECT account_id, order_id, (toString(side), quantity, CAST(NULL, 'Nullable(Decimal(18, 9))'))
        FROM closing
    ),
    events AS
    (
        SELECT
            account_id, order_id, offset, exec_id, order_qty, last_qty, last_px, cum_qty, toString(side) AS side,
            multiIf(exec_type = 'REPLACED', changes.request.2, exec_type = 'RESTATED', order_qty, NULL) AS new_quantity,
            if(exec_type = 'REPLACED', changes.request.3, NULL) AS new_price
        FROM executions
        LEFT JOIN (SELECT account_id, order_id AS request_id, request FROM asked) AS changes
            USING (account_id, request_id)
        WHERE run_id = {run_id:String}
            AND exec_type NOT IN ('CANCEL_REJECT', 'SPLIT', 'FUNDING', 'DIVIDEND', 'SETTLEMENT')
            AND (account_id, order_id) NOT IN
            (
                SELECT account_id, order_id FROM executions WHERE run_id = {run_id:String} AND reason_code = 'SPLIT'
            )
        UNION ALL
        SELECT account_id, order_id, -1, '', NULL, NULL, NULL, toDecimal64(0, 9), request.1, request.2, request.3
        FROM asked
        WHERE (account_id, order_id) IN (SELECT account_id, order_id FROM executions WHERE run_id = {run_id:String})
    ),
    in_force AS
    (
        SELECT
            account_id, order_id, offset, exec_id, order_qty, last_px, cum_qty,
            side = 'BUY' AS buying,
            anyLast(new_quantity) OVER life AS quantity,
            anyLast(new_price) OVER life AS limit_price,
            sum(ifNull(last_qty, toDecimal64(0, 9))) OVER life AS filled
        FROM events
        WINDOW life AS
        (
            PARTITION BY account_id, order_id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
SELECT
    count() AS checked,
    countIf(problem != '') AS different,
    groupArrayIf(20)(concat('order ', account_id, '/', order_id, ', report ', exec_id, ': ', problem), problem != '')
        AS differences
FROM
(
    SELECT
        account_id,
        order_id,
        exec_id,
        multiIf(
            quantity IS NULL, 'orders does not hold it',
            cum_qty != filled, concat('fills sum to ', toString(filled), ', cum_qty is ', toString(cum_qty)),
            order_qty IS NULL OR order_qty != quantity,
                concat('order_qty is ', ifNull(toString(order_qty), '0'),
                    ', asked for were ', toString(assumeNotNull(quantity))),
            filled > quantity,
                concat(toString(filled), ' were executed of ', toString(assumeNotNull(quantity)), ' asked for'),
            ifNull(if(buying, last_px > limit_price, last_px < limit_price), false),
                concat('price ', toString(assumeNotNull(last_px)),
                    ' is beyond the limit ', toString(assumeNotNull(limit_price))),
            '') AS problem
    FROM in_force
    WHERE offset >= 0
)
