-- Results of a run's orders by kind of report, for Prometheus.
SELECT toString(exec_type) AS result, count() AS results
FROM order_results
WHERE run_id = {run_id:String}
GROUP BY result
ORDER BY result
