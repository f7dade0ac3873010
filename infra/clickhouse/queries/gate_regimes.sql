-- Number of market regimes, of 6, in which a strategy has traded: three ranges, each on rising and other days.
--   A day counts for each symbol that the strategy traded on it. Its range is (high - low) / first middle price. Thirds
--   of the ranges of all days of a symbol in the run are calm, normal and volatile.
--   Parameters: strategy_id, time_zone of days.
WITH
    scoped AS
    (
        SELECT DISTINCT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
    ),
    traded AS
    (
        SELECT DISTINCT toString(symbol) AS symbol, toDate(ts, {time_zone:String}) AS day
        FROM fills
        WHERE run_id = {run_id:String} AND (toString(account_id), ifNull(toString(session_id), '')) IN scoped
    ),
    days AS
    (
        SELECT
            toString(symbol) AS symbol, toDate(ts, {time_zone:String}) AS day,
            (max(middle) - min(middle)) / argMin(middle, ts) AS range,
            argMax(middle, ts) > argMin(middle, ts) AS rose
        FROM
        (
            SELECT symbol, ts, (toFloat64(bid_px) + toFloat64(ask_px)) / 2 AS middle
            FROM marks
            WHERE run_id = {run_id:String} AND kind = 'QUOTE' AND bid_px > 0 AND ask_px > 0
                AND toString(symbol) IN (SELECT symbol FROM traded)
        )
        GROUP BY symbol, day
    ),
    bounds AS
    (
        SELECT symbol, quantileExact(1 / 3)(range) AS calm, quantileExact(2 / 3)(range) AS normal
        FROM days GROUP BY symbol
    )
SELECT uniqExact((if(range < calm, 0, if(range < normal, 1, 2)), rose)) AS regimes
FROM days
INNER JOIN bounds USING (symbol)
INNER JOIN traded USING (symbol, day)
