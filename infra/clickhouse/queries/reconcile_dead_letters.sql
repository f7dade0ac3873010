-- Checks that no shard and no sink refused a record that the pipeline itself wrote. Not its own are records without the
-- proof of a shard, bytes that are no record of their topic, and letters that name no record.
SELECT
    sum(letters) AS checked,
    countIf(own) AS different,
    groupArrayIf(20)(concat(topic, ' holds ', toString(own_letters), ' records: ', example), own) AS differences
FROM
(
    SELECT
        topic,
        count() AS letters,
        countIf(counts) AS own_letters,
        anyIf(concat(error_class, ': ', message), counts) AS example,
        own_letters > 0 AS own
    FROM
    (
        SELECT
            *,
            topic NOT IN ('dlq.orders', 'dlq.controls', 'dlq.market.data', 'dlq.test.results', 'dlq.gate.decisions')
                AND source_offset >= 0
                AND error_class != 'FOREIGN_RECORD'
                AND (stage != 'sink' OR error_class = 'REFUSED_BY_CLICKHOUSE') AS counts
        FROM dead_letters
    )
    WHERE run_id = {run_id:String}
    GROUP BY topic
)
