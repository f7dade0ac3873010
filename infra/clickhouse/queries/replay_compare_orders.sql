-- Orders that ended differently in two runs: status, quantity, average price, and the reason that was given.
WITH ended AS
(
    SELECT
        run_id, account_id, order_id,
        argMax(symbol, offset) AS symbol, argMax(side, offset) AS side, argMax(ord_status, offset) AS status,
        argMax(cum_qty, offset) AS quantity, argMax(avg_px, offset) AS avg_px,
        argMax(coalesce(breaker, reason_code), offset) AS reason, argMax(text, offset) AS text
    FROM order_results FINAL
    WHERE run_id IN ({run_a:String}, {run_b:String}) AND exec_type != 'CANCEL_REJECT' AND exec_type != 'MASS_CANCEL'
        AND NOT poss_resend
    GROUP BY run_id, account_id, order_id
)
SELECT
    account_id, order_id,
    if(a.symbol = '', b.symbol, a.symbol) AS symbol, if(a.side = '', b.side, a.side) AS side,
    if(a.status = '', 'not sent', a.status) AS status_a, if(b.status = '', 'not sent', b.status) AS status_b,
    a.quantity AS quantity_a, b.quantity AS quantity_b, a.avg_px AS avg_px_a, b.avg_px AS avg_px_b,
    a.reason AS reason_a, b.reason AS reason_b, a.text AS text_a, b.text AS text_b,
    count() OVER () AS changed
FROM (SELECT * FROM ended WHERE run_id = {run_a:String}) AS a
FULL OUTER JOIN (SELECT * FROM ended WHERE run_id = {run_b:String}) AS b USING (account_id, order_id)
WHERE (a.status, a.quantity, a.avg_px, a.reason) IS DISTINCT FROM (b.status, b.quantity, b.avg_px, b.reason)
ORDER BY account_id, order_id
LIMIT {most:UInt32}
