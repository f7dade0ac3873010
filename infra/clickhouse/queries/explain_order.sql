-- The history of an order: its requests, the answers of the risk controls, the venue's reports, the bookings.
-- Rows are in the order of Kafka's clock. Within a millisecond the request comes first, then risk, then the venue.
WITH
    asked AS
    (
        SELECT DISTINCT run_id, account_id, order_id
        FROM orders
        WHERE run_id = {run_id:String}
            AND (order_id = {order_id:String} OR orig_order_id = {order_id:String})
            AND ({account_id:String} = '' OR account_id = {account_id:String})
        UNION DISTINCT
        -- Cancels that the account shard made of a MASS_CANCEL or a control, and the MASS_CANCEL itself.
        SELECT run_id, account_id, arrayJoin([order_id, replaceOne(order_id, concat(':', {order_id:String}), '')])
        FROM orders_approved
        WHERE run_id = {run_id:String} AND orig_order_id = {order_id:String}
            AND ({account_id:String} = '' OR account_id = {account_id:String})
    )
SELECT
    stage, account_id, order_id, request_id, what, symbol, side, order_type, time_in_force, quantity, price, stop_price,
    last_qty, last_px, cum_qty, leaves_qty, commission, liquidity, reason_code, text, simulator, model, bid_px, bid_sz,
    ask_px, ask_sz, book_age_ns, latency_ns, queue_ahead, trade_px, trade_sz, arrival_px, slippage_mid,
    slippage_arrival, realised_pnl, position_qty, currency, ts, details
FROM
(
    SELECT
        'request' AS stage, 1 AS rank, kafka_timestamp, offset,
        account_id, order_id, orig_order_id AS request_id, toString(action) AS what, symbol, toString(side) AS side,
        toString(order_type) AS order_type, toString(time_in_force) AS time_in_force, quantity, price, stop_price,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS last_qty, CAST(NULL AS Nullable(Decimal(18, 9))) AS last_px,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS cum_qty, CAST(NULL AS Nullable(Decimal(18, 9))) AS leaves_qty,
        CAST(NULL AS Nullable(Decimal(38, 18))) AS commission, '' AS liquidity,
        CAST(NULL AS Nullable(String)) AS reason_code, CAST(NULL AS Nullable(String)) AS text,
        CAST(NULL AS Nullable(String)) AS simulator, CAST(NULL AS Nullable(String)) AS model,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS bid_px, CAST(NULL AS Nullable(Decimal(18, 9))) AS bid_sz,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS ask_px, CAST(NULL AS Nullable(Decimal(18, 9))) AS ask_sz,
        CAST(NULL AS Nullable(Int64)) AS book_age_ns, CAST(NULL AS Nullable(Int64)) AS latency_ns,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS queue_ahead, CAST(NULL AS Nullable(Decimal(18, 9))) AS trade_px,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS trade_sz, CAST(NULL AS Nullable(Decimal(18, 9))) AS arrival_px,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS slippage_mid,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS slippage_arrival,
        CAST(NULL AS Nullable(Decimal(38, 18))) AS realised_pnl,
        CAST(NULL AS Nullable(Decimal(18, 9))) AS position_qty, CAST(NULL AS Nullable(String)) AS currency, ts,
        arrayStringConcat(arrayFilter(item -> item != '', [
            if(trailing_offset IS NULL, '', concat('trailing by ', toString(assumeNotNull(trailing_offset)),
                if(trailing_type = 'PERCENT', ' %', ''))),
            if(expire_ts IS NULL, '', concat('expires ', toString(assumeNotNull(expire_ts)))),
            if(post_only, 'post-only', ''),
            if(reduce_only, 'reduce-only', ''),
            if(display_quantity IS NULL, '', concat('shows ', toString(assumeNotNull(display_quantity)))),
            if(parent_order_id IS NULL, '', concat('waits for order ', assumeNotNull(parent_order_id))),
            if(oco_group IS NULL, '', concat('one of group ', assumeNotNull(oco_group)))]), ', ') AS details
    FROM orders
    WHERE (run_id, account_id, order_id) IN (SELECT run_id, account_id, order_id FROM asked)
    UNION ALL
    SELECT
        'risk', 2, kafka_timestamp, offset,
        account_id, order_id, request_id, toString(exec_type), symbol, toString(side), toString(order_type),
        toString(time_in_force), order_qty, price, stop_price, NULL, NULL, NULL, NULL, NULL, '', reason_code, text,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ts, ''
    FROM order_results
    WHERE source = 'RISK'
        AND (run_id, account_id, ifNull(request_id, order_id)) IN (SELECT run_id, account_id, order_id FROM asked)
    UNION ALL
    SELECT
        'approved', 2, kafka_timestamp, offset,
        account_id, order_id, orig_order_id, toString(action), symbol, toString(side), toString(order_type),
        toString(time_in_force), quantity, price, stop_price, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ts, ''
    FROM orders_approved
    WHERE (run_id, account_id, order_id) IN (SELECT run_id, account_id, order_id FROM asked)
    UNION ALL
    SELECT
        'venue', 3, events.kafka_timestamp, events.offset,
        account_id, events.order_id, request_id, toString(exec_type), events.symbol, toString(events.side),
        toString(order_type), toString(time_in_force), order_qty, events.price, stop_price, last_qty, last_px, cum_qty,
        leaves_qty, events.commission, toString(events.liquidity), reason_code, text, events.simulator, model,
        events.bid_px, events.bid_sz, events.ask_px, events.ask_sz, book_age_ns, latency_ns, queue_ahead,
        events.trade_px, trade_sz, arrival_px, events.slippage_mid, events.slippage_arrival, booked.realised_pnl,
        booked.position_qty, booked.currency, events.ts, ''
    FROM executions AS events
    LEFT JOIN
    (
        SELECT account_id, exec_id, realised_pnl, position_qty, ifNull(account_currency, currency) AS currency
        FROM fills
        WHERE run_id = {run_id:String} AND order_id = {order_id:String}
    ) AS booked USING (account_id, exec_id)
    WHERE (events.run_id, account_id, events.order_id) IN
        (SELECT run_id, account_id, {order_id:String} FROM asked)
)
ORDER BY account_id, kafka_timestamp, rank, offset
SETTINGS join_use_nulls = 1
