-- Dead letters by topic, stage and error, with the newest message of each.
-- waiting: those that were not sent again, which are those from replayed_until of their box on.
SELECT
    topic, stage, error_class, uniqExact(partition, offset) AS letters,
    uniqExactIf((partition, offset), offset >= mapFromArrays({boxes:Array(String)}, {replayed_until:Array(Int64)})[topic]) AS waiting,
    argMax(message, kafka_timestamp) AS newest_message, max(kafka_timestamp) AS newest_at
FROM dead_letters
WHERE run_id = {run_id:String}
GROUP BY topic, stage, error_class
ORDER BY letters DESC, topic, stage, error_class
LIMIT {rows_max:Int64}
