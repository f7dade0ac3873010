-- Orders of a session, an account or a strategy and their results; a part is the day of the answer, or the instrument.
--   An order is answered once: accepted by its venue, or rejected by the controls or the venue.
--   reject_rate: rejected / answered orders. fill_rate: mean cum_qty / order_qty of accepted orders that have ended.
--   by: day, instrument or empty. scope, scope_id, time_zone: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    answered AS
    (
        SELECT
            account_id, session_id, exec_type,
            if({by:String} = 'day', toString(toDate(toStartOfFifteenMinutes(ts), {time_zone:String})),
                if({by:String} = 'instrument', toString(symbol), '')) AS part,
            count() AS results,
            countIf(terminal AND exec_type != 'REJECTED') AS ended,
            sumIf(toFloat64(cum_qty) / toFloat64(order_qty), terminal AND exec_type != 'REJECTED' AND order_qty > 0)
                AS executed
        FROM order_results
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, session_id, exec_type, part
    )
SELECT
    scope_id,
    currency,
    part,
    sumIf(results, exec_type IN ('NEW', 'REJECTED')) AS orders,
    sumIf(results, exec_type = 'REJECTED') AS rejected_orders,
    paper_ratio(rejected_orders, orders) AS reject_rate,
    sum(ended) AS ended_orders,
    paper_ratio(sum(executed), ended_orders) AS fill_rate,
    sumIf(results, exec_type = 'CANCEL_REJECT') AS cancel_rejects
FROM answered
INNER JOIN scoped USING (account_id, session_id)
GROUP BY scope_id, currency, part
ORDER BY scope_id, currency, part
