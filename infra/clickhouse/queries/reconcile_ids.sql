-- Checks that no id occurs twice.
SELECT
    sum(times) AS checked,
    countIf(times > 1) AS different,
    groupArrayIf(20)(concat(name, ' ', id, ' is there ', toString(times), ' times'), times > 1) AS differences
FROM
(
    SELECT 'exec_id' AS name, exec_id AS id, count() AS times
    FROM executions WHERE run_id = {run_id:String} GROUP BY id
    UNION ALL
    SELECT 'fill' AS name, exec_id AS id, count() AS times
    FROM fills WHERE run_id = {run_id:String} GROUP BY id
    UNION ALL
    SELECT 'result_id' AS name, result_id AS id, count() AS times
    FROM order_results WHERE run_id = {run_id:String} GROUP BY id
    UNION ALL
    SELECT 'event_id' AS name, event_id AS id, count() AS times
    FROM risk_events WHERE run_id = {run_id:String} GROUP BY id
    UNION ALL
    SELECT 'approval_id' AS name, approval_id AS id, count() AS times
    FROM orders_approved WHERE run_id = {run_id:String} GROUP BY id
)
