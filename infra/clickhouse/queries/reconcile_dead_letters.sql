-- Checks that no shard and no sink refused a record that the pipeline itself wrote.
SELECT
    sum(letters) AS checked,
    countIf(own) AS different,
    groupArrayIf(20)(concat(topic, ' holds ', toString(letters), ' records: ', example), own) AS differences
FROM
(
    SELECT
        topic,
        count() AS letters,
        any(concat(error_class, ': ', message)) AS example,
        topic NOT IN ('dlq.orders', 'dlq.controls', 'dlq.market.data', 'dlq.test.results', 'dlq.gate.decisions') AS own
    FROM dead_letters
    WHERE run_id = {run_id:String}
    GROUP BY topic
)
