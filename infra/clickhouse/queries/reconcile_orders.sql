-- Every order has one terminal result or is working; every request has a result or was approved.
WITH
    requests AS
    (
        SELECT account_id, order_id, any(action) AS first_action
        FROM orders
        WHERE run_id = {run_id:String}
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'orders'
            )
        GROUP BY account_id, order_id
    ),
    terminal AS
    (
        SELECT account_id, order_id, uniqExactIf(result_id, terminal) AS terminals
        FROM order_results
        WHERE run_id = {run_id:String}
        GROUP BY account_id, order_id
    ),
    answered AS
    (
        SELECT DISTINCT account_id, ifNull(request_id, order_id) AS order_id
        FROM order_results
        WHERE run_id = {run_id:String}
        UNION DISTINCT
        SELECT account_id, order_id
        FROM orders_approved
        WHERE run_id = {run_id:String}
    )
SELECT
    count() AS checked,
    countIf(problem != '') AS different,
    groupArrayIf(20)(problem, problem != '') AS differences
FROM
(
    SELECT
        multiIf(
            terminal.terminals > 1,
            concat('order ', account_id, '/', order_id, ' has ', toString(terminal.terminals), ' terminal results'),
            (account_id, order_id) NOT IN (SELECT account_id, order_id FROM answered),
            concat('request ', account_id, '/', order_id, ' has no result and was not approved'),
            '') AS problem
    FROM requests
    LEFT JOIN terminal USING (account_id, order_id)
)
