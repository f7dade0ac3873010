-- Forward days of a strategy, and the Sharpe ratio on them alone.
--   A day is one of forward evidence if all fills of the strategy on it are (v_fill_evidence), all on listed sources, and if
--   the market of one of its symbols passed for forward_hours_min or longer.
--   forward_days: the days of the broker's clock on which these were traded: two days of the market that passed on one day
--   of the broker count once. forward_psr: probability that the Sharpe ratio of the forward days' returns is above 0.
--   backward: why the other days are not, with the number of days.
--   One row a currency. Parameters: strategy_id, time_zone of days, forward_sources: the list, forward_hours_min.
WITH
    judged AS
    (
        SELECT
            day, min(broker_day) AS traded,
            multiIf(
                max(backward) != '', max(backward),
                min(arrayAll(source -> paper_is_listed(source, {forward_sources:Array(String)}), sources)) = 0,
                    'the source of the market is no forward source',
                max(market_ms) < {forward_hours_min:Float64} * 3600000, 'the market passed for too short a time',
                '') AS reason
        FROM v_fill_evidence(run_id = {run_id:String}, time_zone = {time_zone:String})
        WHERE (account_id, session_id) IN
        (
            SELECT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
        )
        GROUP BY day
    ),
    (
        SELECT (groupArrayIf(day, reason = ''), uniqExactIf(traded, reason = ''), groupArrayIf(reason, reason != ''))
        FROM judged
    ) AS summary,
    observed AS
    (
        SELECT
            currency,
            min(day_growth IS NOT NULL) AS has_returns,
            arrayMap(pair -> pair.2, arraySort(groupArrayIf((day, ifNull(day_growth, 1.) - 1), has(summary.1, day)))) AS returns
        FROM v_scope_days(
            run_id = {run_id:String}, time_zone = {time_zone:String}, scope = 'strategy', scope_id = {strategy_id:String})
        GROUP BY currency
    ),
    measured AS
    (
        SELECT
            *, paper_sharpe(returns) AS sharpe, paper_skewness(returns) AS skewness, paper_kurtosis(returns) AS kurtosis
        FROM observed
    )
SELECT
    currency,
    summary.2 AS forward_days,
    if(has_returns, paper_psr(sharpe, 0, length(returns), skewness, kurtosis), NULL) AS forward_psr,
    arrayStringConcat(arrayMap(reason -> concat(toString(countEqual(summary.3, reason)), ' days: ', reason),
        arraySort(arrayDistinct(summary.3))), '; ') AS backward
FROM measured
ORDER BY currency
