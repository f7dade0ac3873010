-- Checks that each execution report of an order is one equal result, and that each result of the venue is one report.
WITH
    taken AS
    (
        SELECT partition, max(last) AS last_offset
        FROM journal_accounts
        ARRAY JOIN topics AS topic, arrayResize(last_offsets, length(topics)) AS last
        WHERE run_id = {run_id:String} AND topic = 'executions'
        GROUP BY partition
    )
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(concat('report ', exec_id, ': reported ', toString(reported), ' and told ', toString(told),
        ' times', if(versions > 1, ' with different contents', '')), wrong) AS differences
FROM
(
    SELECT
        exec_id,
        countIf(is_report) AS reported,
        countIf(NOT is_report) AS told,
        uniqExact(contents) AS versions,
        reported != 1 OR versions != 1 OR told > 1 OR (told = 0 AND max(is_taken)) AS wrong
    FROM
    (
        SELECT
            true AS is_report,
            offset <= taken.last_offset AS is_taken,
            exec_id,
            (toString(account_id), order_id, request_id, toString(exec_type), toString(ord_status), order_qty,
                last_qty, last_px, cum_qty, commission) AS contents
        FROM executions
        LEFT JOIN taken USING (partition)
        WHERE run_id = {run_id:String} AND exec_type NOT IN ('SPLIT', 'FUNDING', 'DIVIDEND', 'SETTLEMENT')
        UNION ALL
        SELECT
            false,
            true,
            assumeNotNull(exec_id),
            (toString(account_id), order_id, request_id, toString(exec_type), toString(ord_status), order_qty,
                last_qty, last_px, cum_qty, commission)
        FROM order_results
        WHERE run_id = {run_id:String} AND exec_id IS NOT NULL AND NOT poss_resend
    )
    GROUP BY exec_id
)
