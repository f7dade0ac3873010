-- Dead letters of a run by the topic of the record and the class of its error, for Prometheus.
SELECT toString(source_topic) AS source_topic, toString(error_class) AS reason, count() AS letters
FROM dead_letters
WHERE run_id = {run_id:String}
GROUP BY source_topic, reason
ORDER BY source_topic, reason
