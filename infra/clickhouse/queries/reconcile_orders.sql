-- Checks that every request has a result or was approved, that every repeated id is answered as a repetition, and that
-- every order has one terminal result, its last, or is working.
-- An identical request may be unanswered if the first answer is still to come, which a request for now (ts 0) has at once. Requests that no shard has taken yet, by
-- its journal, are on their way. Requests in a partition that is not their account's count by their forwarded copies.
-- Requests for a time more than grace_ns after their shard's wait for it, and those that change or hang on them wait too.
WITH
    -- include closing_orders
    taken AS
    (
        SELECT partition, max(last) AS last_offset
        FROM journal_accounts
        ARRAY JOIN topics AS topic, arrayResize(last_offsets, length(topics)) AS last
        WHERE run_id = {run_id:String} AND topic = 'orders'
        GROUP BY partition
    ),
    early AS
    (
        SELECT account_id, order_id
        FROM orders
        INNER JOIN (SELECT partition, max(ts) AS now FROM journal_accounts WHERE run_id = {run_id:String} GROUP BY partition)
            AS shards USING (partition)
        WHERE {requests_wait:Bool} AND run_id = {run_id:String}
            AND toUnixTimestamp64Nano(ts) > toUnixTimestamp64Nano(now) + {grace_ns:Int64}
    ),
    behind AS
    (
        SELECT account_id, order_id
        FROM orders
        WHERE {requests_wait:Bool} AND run_id = {run_id:String}
            AND (account_id, if(action = 'NEW', parent_order_id, orig_order_id)) IN early
    ),
    waiting AS
    (
        SELECT * FROM early
        UNION ALL
        SELECT * FROM behind
        UNION ALL
        SELECT account_id, order_id
        FROM orders
        WHERE {requests_wait:Bool} AND run_id = {run_id:String}
            AND (account_id, if(action = 'NEW', parent_order_id, orig_order_id)) IN behind
    ),
    unasked AS
    (
        SELECT DISTINCT account_id, order_id
        FROM orders_approved
        INNER JOIN
        (
            SELECT partition, max(last) AS last_offset
            FROM journal_execution
            ARRAY JOIN topics AS topic, arrayResize(last_offsets, length(topics)) AS last
            WHERE run_id = {run_id:String} AND topic = 'orders.approved'
            GROUP BY partition
        ) AS seen USING (partition)
        WHERE run_id = {run_id:String} AND action = 'NEW' AND offset <= seen.last_offset
            AND (account_id, order_id) NOT IN (SELECT account_id, order_id FROM orders WHERE run_id = {run_id:String})
            AND (account_id, order_id) NOT IN (SELECT account_id, order_id FROM closing)
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'orders.approved' AND stage != 'sink'
            )
    ),
    requests AS
    (
        SELECT
            account_id,
            order_id,
            countIf(at_home) AS asked,
            countIf(NOT at_home) AS astray,
            argMinIf(action, offset, at_home) AS first_action,
            argMinIf(ts, offset, at_home) AS first_ts,
            arraySort(groupArrayIf((offset, contents), at_home)) AS each,
            greatest(arrayCount(item -> item.2 = each[1].2, each), 1) - 1 AS identical
        FROM
        (
            SELECT
                account_id, order_id, action, offset, ts,
                cityHash64(toString((action, orig_order_id, strategy_id, symbol, side, order_type, time_in_force, quantity,
                    price, ts, stop_price, trailing_offset, trailing_type, expire_ts, post_only, reduce_only,
                    display_quantity, parent_order_id, oco_group, mode))) AS contents,
                kafkaMurmurHash(toString(account_id)) % {account_partitions:UInt32} = partition AS at_home
            FROM orders
            INNER JOIN taken USING (partition)
            WHERE run_id = {run_id:String}
                AND offset <= taken.last_offset
                AND (partition, offset) NOT IN
                (
                    SELECT source_partition, source_offset FROM dead_letters
                    WHERE run_id = {run_id:String} AND source_topic = 'orders' AND stage != 'sink'
                )
        )
        GROUP BY account_id, order_id
        UNION ALL
        SELECT account_id, order_id, 1, 0, 'NEW', toDateTime64(0, 9, 'UTC'), CAST([], 'Array(Tuple(Int64, UInt64))'), 0
        FROM closing
        UNION ALL
        SELECT account_id, order_id, 0, 0, '', toDateTime64(0, 9, 'UTC'), CAST([], 'Array(Tuple(Int64, UInt64))'), 0
        FROM unasked
    ),
    answers AS
    (
        SELECT
            account_id,
            ifNull(request_id, order_id) AS order_id,
            countIf(poss_resend) AS resent,
            countIf(ifNull(reason_code, '') = 'DUPLICATE_ORDER_ID' AND NOT poss_resend) AS duplicates,
            count() - duplicates - resent AS results
        FROM order_results
        WHERE run_id = {run_id:String}
        GROUP BY account_id, order_id
    ),
    lives AS
    (
        SELECT account_id, order_id, countIf(terminal) AS terminals, argMax(terminal, offset) AS ends
        FROM order_results
        WHERE run_id = {run_id:String}
            AND exec_type != 'CANCEL_REJECT'
            AND ifNull(reason_code, '') != 'DUPLICATE_ORDER_ID'
            AND (terminal OR NOT poss_resend)
        GROUP BY account_id, order_id
    ),
    approvals AS
    (
        SELECT account_id, order_id, count() AS approved
        FROM
        (
            SELECT account_id, order_id FROM orders_approved WHERE run_id = {run_id:String}
            UNION ALL
            SELECT account_id, order_id FROM orders_live WHERE run_id = {run_id:String}
        )
        GROUP BY account_id, order_id
    )
SELECT
    count() AS checked,
    countIf(problem != '') AS different,
    groupArrayIf(20)(concat('request ', account_id, '/', order_id, ' ', problem), problem != '') AS differences
FROM
(
    SELECT
        account_id,
        order_id,
        multiIf(
            asked = 0 AND astray = 0, multiIf(
                lives.terminals > 0, 'has results, but orders does not hold it',
                approved > 0, 'was approved, but neither orders nor risk.events has its cause', ''),
            asked = 0, 'came to a wrong partition and was not forwarded',
            results = 0 AND approved = 0 AND (account_id, order_id) NOT IN waiting, 'has no result and was not approved',
            approved > 1, concat('was approved ', toString(approved), ' times'),
            resent > identical OR duplicates + resent > asked - 1
                OR asked - 1 - duplicates - resent > if(approved = 1 OR ({requests_wait:Bool} AND toUnixTimestamp64Nano(first_ts) > 0), identical - resent, 0),
                concat('came again ', toString(asked - 1), ' times, answered so ', toString(duplicates + resent), ' times'),
            first_action = 'NEW' AND terminals > 1, concat('has ', toString(terminals), ' terminal results'),
            first_action = 'NEW' AND terminals = 1 AND NOT ends, 'has results after its terminal one',
            '') AS problem
    FROM requests
    FULL OUTER JOIN lives USING (account_id, order_id)
    LEFT JOIN answers USING (account_id, order_id)
    LEFT JOIN approvals USING (account_id, order_id)
)
SETTINGS join_use_nulls = 0
