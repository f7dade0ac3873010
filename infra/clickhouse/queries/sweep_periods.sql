-- Results of runs in a span of market time, and how sure they are: the Sharpe ratio of equal periods, deflated by all runs.
--   A return is the change of equity in a period over the cash that the run's accounts opened with; a period without
--   records changed nothing; an opening, which may have no time, counts as none. dsr: probability that the ratio is above the one expected of the best of all these runs.
--   Parameters: run_ids; from_ns, to_ns: the span in UTC ns, NULL: the first and last record; period_ns: of a period;
--   with_returns: whether the returns are wanted.
WITH
    records AS
    (
        SELECT
            run_id, toUnixTimestamp64Nano(ts) AS time_ns, `trigger` = 'SESSION_OPEN' AS opens, equity,
            if(opens, equity, lagInFrame(equity, 1, equity) OVER so_far) AS equity_before
        FROM account_equity FINAL
        WHERE run_id IN {run_ids:Array(String)}
        WINDOW so_far AS
        (
            PARTITION BY run_id, account_id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    ),
    span AS
    (
        SELECT
            ifNull({from_ns:Nullable(Int64)}, minIf(time_ns, NOT opens)) AS first_ns,
            ifNull({to_ns:Nullable(Int64)}, maxIf(time_ns, NOT opens) + 1) AS end_ns
        FROM records
    ),
    runs AS
    (
        SELECT run_id, sumIf(toFloat64(equity), opens) AS capital FROM records GROUP BY run_id
    ),
    sums AS
    (
        SELECT run_id, intDiv(time_ns - first_ns, {period_ns:Int64}) AS period, sum(equity - equity_before) AS change
        FROM records
        CROSS JOIN span
        WHERE NOT opens AND time_ns >= first_ns AND time_ns < end_ns
        GROUP BY run_id, period
    ),
    changes AS
    (
        SELECT run_id, sum(change) AS total, groupArray(toFloat64(change)) AS changed FROM sums GROUP BY run_id
    ),
    measured AS
    (
        SELECT
            runs.run_id AS run_id, total,
            toUInt32(greatest(intDivOrZero(end_ns - first_ns - 1, {period_ns:Int64}) + 1, 0)) AS periods,
            if(capital > 0, arrayMap(change -> change / capital, arrayResize(changed, periods, 0.)), []) AS returns,
            paper_sharpe(returns) AS ratio
        FROM runs
        CROSS JOIN span
        LEFT JOIN changes ON runs.run_id = changes.run_id
    )
SELECT
    run_id, total AS result, periods, ratio AS sharpe,
    paper_psr(ratio, paper_deflated_target(toUInt32(count() OVER ()), varSamp(ratio) OVER ()), periods,
        paper_skewness(returns), paper_kurtosis(returns)) AS dsr,
    if({with_returns:Bool}, returns, []) AS returns_of_periods
FROM measured
ORDER BY run_id
SETTINGS join_use_nulls = 0
