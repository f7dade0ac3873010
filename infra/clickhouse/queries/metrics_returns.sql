-- Returns and risk of a session, an account or a strategy, from the equity at the end of each day.
--   r_t is time-weighted (GIPS 2020): E_t / E_{t-1} - 1 on mark-to-market equity, and on a day with external cash flows the
--   product of the sub-periods between them. E_0 is the opening cash. An opening of an account is a flow: it withdraws what
--   the last session left and deposits the opening cash. Several accounts: asset-weighted, see v_scope_days.
--   net_pnl: change of equity less net_cash_flow. Drawdowns run over the index of the linked returns.
--   All ratios are NULL if a day starts with equity of 0 or less. Volatility, Sharpe and Sortino ratio are NULL below
--   min_returns daily returns, CAGR and Calmar ratio below min_calendar_days from first_day to last_day.
--   scope: session, account or strategy. scope_id: its id; empty for all. time_zone: of days.
--   annualisation: days a year, 252 or 365. mar: minimum acceptable return a day. benchmark_sharpe: annual.
--   level: tail of VaR and CVaR, 0.05 for the worst 5 %.
--   trials, trials_variance: number of strategies tried, and variance of their daily Sharpe ratios; NULL if not declared.
WITH
    observed AS
    (
        SELECT
            scope_id, currency,
            count() AS days,
            min(day) AS first_day,
            max(day) AS last_day,
            argMin(day_start, day) AS start_equity,
            argMax(day_end, day) AS end_equity,
            sum(day_pnl) AS net_pnl,
            end_equity - start_equity - net_pnl AS net_cash_flow,
            min(day_drawdown) AS worst_record,
            min(day_growth IS NOT NULL) AS has_returns,
            arraySort(groupArray((day, assumeNotNull(day_growth) - 1))) AS pairs,
            if(has_returns, arrayMap(pair -> pair.2, pairs), []) AS returns,
            arrayMap(day -> toInt32(toRelativeDayNum(day)),
                arrayConcat([first_day - 1], if(has_returns, arrayMap(pair -> pair.1, pairs), []))) AS day_numbers,
            (last_day - first_day + 1) / 365 AS years
        FROM v_scope_days(
            run_id = {run_id:String}, time_zone = {time_zone:String}, scope = {scope:String},
            scope_id = {scope_id:String})
        GROUP BY scope_id, currency
    ),
    measured AS
    (
        SELECT
            *,
            paper_wealth(returns) AS wealth,
            paper_drawdowns(wealth) AS drawdowns,
            paper_drawdown_episodes(drawdowns, day_numbers) AS episodes,
            arraySort(episode -> episode.1, episodes)[1] AS deepest,
            arrayFilter(episode -> episode.4 IS NOT NULL, episodes) AS recovered,
            arrayPushBack(arrayPopFront(arrayDifference(day_numbers)), 1) AS weights,
            paper_sharpe(returns) AS daily_sharpe,
            paper_skewness(returns) AS skewness,
            paper_kurtosis(returns) AS kurtosis,
            {benchmark_sharpe:Float64} / sqrt({annualisation:Float64}) AS target,
            days >= {min_returns:UInt32} AS has_deviation,
            paper_defined(if(empty(returns) OR last_day - first_day + 1 < {min_calendar_days:UInt32}, NULL,
                pow(wealth[-1], 1 / years) - 1)) AS cagr,
            if(empty(returns), NULL, arrayMin(drawdowns)) AS max_drawdown,
            if(empty(returns), worst_record, least(max_drawdown, worst_record)) AS max_drawdown_intraday
        FROM observed
    )
SELECT
    scope_id,
    currency,
    days,
    first_day,
    last_day,
    start_equity,
    end_equity,
    net_pnl,
    net_cash_flow,
    if(empty(returns), NULL, wealth[-1] - 1) AS total_return,
    if(empty(returns), NULL, arrayMax(returns)) AS best_day,
    if(empty(returns), NULL, arrayMin(returns)) AS worst_day,
    cagr,
    if(has_deviation, paper_deviation(returns) * sqrt({annualisation:Float64}), NULL) AS volatility,
    if(has_deviation, daily_sharpe * sqrt({annualisation:Float64}), NULL) AS sharpe,
    if(has_deviation, paper_sortino(returns, {mar:Float64}) * sqrt({annualisation:Float64}), NULL) AS sortino,
    paper_ratio(cagr, abs(max_drawdown)) AS calmar,
    max_drawdown,
    if(empty(episodes), NULL, deepest.5 - deepest.2) AS max_drawdown_days,
    if(empty(episodes), NULL, deepest.4 - deepest.3) AS max_drawdown_recovery_days,
    max_drawdown_intraday,
    paper_mean(arrayMap(episode -> episode.1, episodes)) AS average_drawdown,
    paper_mean(arrayMap(episode -> episode.5 - episode.2, episodes)) AS average_drawdown_days,
    paper_mean(arrayMap(episode -> assumeNotNull(episode.4) - episode.3, recovered))
        AS average_recovery_days,
    if(empty(returns), NULL, paper_ratio(arraySum(arrayMap((drawdown, weight) -> -drawdown * weight, drawdowns, weights)),
        arraySum(weights))) AS time_weighted_drawdown,
    if(empty(returns), NULL, sqrt(arrayAvg(arrayMap(drawdown -> drawdown * drawdown, drawdowns)))) AS ulcer_index,
    paper_value_at_risk(returns, {level:Float64}) AS value_at_risk,
    paper_expected_shortfall(returns, {level:Float64}) AS expected_shortfall,
    skewness,
    kurtosis,
    paper_psr(daily_sharpe, target, days, skewness, kurtosis) AS psr,
    paper_min_track_record(daily_sharpe, target, skewness, kurtosis, {confidence:Float64}) AS min_track_record_days,
    paper_deflated_target({trials:Nullable(UInt32)}, {trials_variance:Nullable(Float64)})
        * sqrt({annualisation:Float64}) AS deflated_target,
    paper_psr(daily_sharpe, paper_deflated_target({trials:Nullable(UInt32)}, {trials_variance:Nullable(Float64)}),
        days, skewness, kurtosis) AS dsr
FROM measured
ORDER BY scope_id, currency
