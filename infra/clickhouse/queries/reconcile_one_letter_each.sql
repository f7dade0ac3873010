-- Checks that no record has two dead letters. A dead letter counts once by its own place, however often it was inserted.
SELECT
    count() AS checked,
    countIf(letters > 1) AS different,
    groupArrayIf(20)(
        concat(source, '-', toString(source_partition), ' offset ', toString(source_offset), ' has ', toString(letters),
            ' dead letters'),
        letters > 1
    ) AS differences
FROM
(
    SELECT source_topic AS source, source_partition, source_offset, uniqExact(partition, offset) AS letters
    FROM dead_letters
    WHERE run_id = {run_id:String} AND source_offset >= 0
    GROUP BY source, source_partition, source_offset
)
