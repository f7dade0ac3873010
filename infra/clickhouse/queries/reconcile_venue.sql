-- Checks that the venue answers every approved request that must have reached it.
-- A request arrives when its symbol's clock, moved by market data and heartbeats, has come to its time of sending plus
-- the maximum latency; or at once if it was sent more than a day ahead. A change arrives after the earlier requests of
-- its order.
WITH
    taken AS
    (
        SELECT topic, partition, max(last) AS last_offset
        FROM journal_execution
        ARRAY JOIN topics AS topic, arrayResize(last_offsets, length(topics)) AS last
        WHERE run_id = {run_id:String}
        GROUP BY topic, partition
    ),
    market AS
    (
        SELECT
            symbol, partition, offset, kinds,
            if({event_time:Bool}, toUnixTimestamp64Nano(ts), toUnixTimestamp64Milli(kafka_timestamp) * 1000000)
                AS time_ns
        FROM market_data
        INNER JOIN (SELECT partition, last_offset FROM taken WHERE topic = 'market.data') AS seen USING (partition)
        WHERE run_id = {run_id:String}
            AND offset <= seen.last_offset
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'market.data' AND stage != 'sink'
            )
    ),
    updated AS
    (
        SELECT symbol, partition, min(offset) AS first_offset, max(time_ns) AS now_ns
        FROM market
        WHERE kinds != ''
        GROUP BY symbol, partition
    ),
    clocks AS
    (
        SELECT symbol, max(greatest(updated_ns, if(counts, beat_ns, 0))) AS now_ns
        FROM
        (
            SELECT
                updated.symbol AS symbol,
                updated.now_ns AS updated_ns,
                beats.time_ns AS beat_ns,
                beats.offset > updated.first_offset AND beats.symbol IN ('', updated.symbol) AS counts
            FROM updated
            LEFT JOIN (SELECT * FROM market WHERE kinds = '') AS beats USING (partition)
        )
        GROUP BY symbol
    ),
    sent AS
    (
        SELECT
            account_id,
            order_id,
            if(action = 'NEW', order_id, ifNull(orig_order_id, '')) AS target,
            if({event_time:Bool}, toUnixTimestamp64Nano(order_ts), toUnixTimestamp64Milli(kafka_timestamp) * 1000000)
                AS sent_ns,
            offset <= seen.last_offset AS is_taken,
            clocks.now_ns > 0
                AND (sent_ns + {latency_ns:Int64} <= clocks.now_ns OR sent_ns > clocks.now_ns + 86400000000000)
                AS has_arrived,
            min(has_arrived) OVER (PARTITION BY account_id, target) AS all_arrived
        FROM orders_approved
        LEFT JOIN (SELECT partition, last_offset FROM taken WHERE topic = 'orders.approved') AS seen USING (partition)
        LEFT JOIN clocks USING (symbol)
        WHERE run_id = {run_id:String}
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'orders.approved' AND stage != 'sink'
            )
    ),
    answered AS
    (
        SELECT DISTINCT account_id, ifNull(request_id, order_id) AS order_id
        FROM executions
        WHERE run_id = {run_id:String}
    )
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(
        concat('request ', account_id, '/', order_id, ' reached its venue and has no answer of it'), wrong)
        AS differences
FROM
(
    SELECT
        account_id,
        order_id,
        is_taken AND all_arrived AND (account_id, order_id) NOT IN (SELECT account_id, order_id FROM answered) AS wrong
    FROM sent
)
