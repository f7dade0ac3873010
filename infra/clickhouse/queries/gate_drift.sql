-- Drift between a strategy's live and paper fills: the mean of the live ones lies outside the mean of the paper ones
-- +- z standard errors of their difference (Welch 1947, for large samples).
--   slippage_bps: of a fill against the middle. return_bps: a day's realised PnL / value traded. Live fills are those of
--   orders on orders.live. outside: NULL if a side has fewer samples than observations_min.
--   Parameters: strategy_id, time_zone of days, z, observations_min.
WITH
    done AS
    (
        SELECT
            toDate(ts, {time_zone:String}) AS day,
            (toString(account_id), order_id) IN
                (SELECT toString(account_id), order_id FROM orders_live WHERE run_id = {run_id:String}) AS is_live,
            toFloat64(slippage_mid) / (toFloat64(price) * toFloat64(ifNull(contract_multiplier, 1))) * 1e4 AS slippage,
            toFloat64(realised_pnl) AS pnl,
            toFloat64(paper_converted(notional, fx_rate)) AS value
        FROM fills FINAL
        WHERE run_id = {run_id:String}
            AND (toString(account_id), ifNull(toString(session_id), '')) IN
            (
                SELECT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
            )
    ),
    samples AS
    (
        SELECT 'slippage_bps' AS metric, is_live, slippage AS sample FROM done WHERE slippage IS NOT NULL
        UNION ALL
        SELECT 'return_bps', is_live, sum(pnl) / sum(value) * 1e4 FROM done GROUP BY day, is_live
    )
SELECT
    metric,
    countIf(NOT is_live) AS paper_n,
    countIf(is_live) AS live_n,
    paper_defined(avgIf(sample, NOT is_live)) AS paper_mean,
    paper_defined(avgIf(sample, is_live)) AS live_mean,
    paper_defined(sqrt(varSampIf(sample, NOT is_live) / paper_n + varSampIf(sample, is_live) / live_n)) AS error,
    if(least(paper_n, live_n) < {observations_min:UInt32}, NULL, abs(live_mean - paper_mean) > {z:Float64} * error) AS outside
FROM samples
GROUP BY metric
ORDER BY metric
