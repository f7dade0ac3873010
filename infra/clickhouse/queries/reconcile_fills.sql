-- Checks that each fill of the venue is booked once, and nothing else is.
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
    groupArrayIf(20)(concat('execution ', exec_id, ': reported ', toString(reported), ' and booked ', toString(booked),
        ' times', if(versions > 1, ' with different numbers', '')), wrong) AS differences
FROM
(
    SELECT
        exec_id,
        countIf(is_report) AS reported,
        countIf(NOT is_report) AS booked,
        uniqExact(contents) AS versions,
        reported != 1 OR versions != 1 OR booked > 1 OR (booked = 0 AND max(is_taken)) AS wrong
    FROM
    (
        SELECT
            true AS is_report,
            offset <= taken.last_offset AS is_taken,
            exec_id,
            (toString(account_id), order_id, assumeNotNull(last_qty), assumeNotNull(last_px),
                ifNull(commission, toDecimal128(0, 18))) AS contents
        FROM executions
        LEFT JOIN taken USING (partition)
        WHERE run_id = {run_id:String} AND exec_type IN ('FILL', 'PARTIAL_FILL')
        UNION ALL
        SELECT false, true, exec_id, (toString(account_id), order_id, quantity, price, commission)
        FROM fills
        WHERE run_id = {run_id:String} AND NOT startsWith(exec_id, 'settlement-')
    )
    GROUP BY exec_id
)
