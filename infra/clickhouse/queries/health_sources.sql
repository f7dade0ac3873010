-- Age of a run's newest market record by source, seconds, for Prometheus.
--   A source is "live:" and an exchange, or a file; '' for records from before sources were noted.
SELECT toString(source) AS source, dateDiff('millisecond', max(kafka_timestamp), now64(3)) / 1000 AS age_seconds
FROM market_data
WHERE run_id = {run_id:String}
GROUP BY source
ORDER BY source
