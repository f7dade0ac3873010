-- Checks that the executed quantity of an order is the sum of its fills and within the quantity asked for, and that no
-- fill is beyond the limit asked for. A REPLACED report puts the quantity and limit of its request in force; a RESTATED
-- report puts its own quantity in force, if that is smaller. Only the check from Kafka covers split orders.
-- A closing order is a shard's own: MARKET, IOC, reduce-only, and its id is flatten-CAUSE-SYMBOL, from the second on with
-- its number. The cause is a command's or a breaker's on risk.events.
WITH
    causes AS
    (
        SELECT toString(account_id) AS account, if(kind = 'BREAKER_TRANSITION', event_id, ifNull(control_id, '')) AS cause
        FROM risk_events
        WHERE run_id = {run_id:String}
            AND (kind IN ('KILLED', 'SESSION_CLOSED') OR (kind = 'BREAKER_TRANSITION' AND breaker_state = 'OPEN'))
    ),
    closing AS
    (
        SELECT DISTINCT account_id, order_id, side, quantity
        FROM
        (
            SELECT
                account_id, order_id, side, quantity,
                concat('-', symbol) AS ending,
                arrayFilter(name -> startsWith(name, 'flatten-') AND endsWith(name, ending),
                    [order_id, replaceRegexpOne(order_id, '-([2-9]|1[0-9]|20)$', '')]) AS names
            FROM
            (
                SELECT account_id, order_id, symbol, side, quantity, action, order_type, time_in_force, reduce_only, run_id
                FROM orders_approved
                UNION ALL
                SELECT account_id, order_id, symbol, side, quantity, action, order_type, time_in_force, reduce_only, run_id
                FROM orders_live
            )
            WHERE run_id = {run_id:String}
                AND action = 'NEW' AND order_type = 'MARKET' AND time_in_force = 'IOC' AND reduce_only
        )
        ARRAY JOIN arrayMap(name -> substring(name, 9, length(name) - 8 - length(ending)), names) AS cause
        WHERE ((toString(account_id), cause) IN causes OR ('', cause) IN causes)
            AND (account_id, order_id) NOT IN (SELECT account_id, order_id FROM orders WHERE run_id = {run_id:String})
    ),
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
            AND exec_type NOT IN ('CANCEL_REJECT', 'SPLIT')
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
