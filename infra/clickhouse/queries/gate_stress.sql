-- The strategy's sessions with fees and slippage multiplied by cost_multiple.
--   The additional cost of a fill is taken off its round trip, and off equity from the day of the fill on until the
--   account is opened again. Returns are linked and weighted as in v_scope_days. Slippage is
--   against the middle at the fill, or else at the order's arrival. Only what the trader paid is multiplied, no rebate and no gain.
--   unpriced: number of fills without a known slippage; with such fills the other columns prove nothing.
--   One row a currency. Parameters: strategy_id, time_zone, cost_multiple, trials, trials_variance.
WITH
    scoped AS
    (
        SELECT account_id, session_id, currency FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
    ),
    costs AS
    (
        SELECT
            toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id, exec_id,
            ts AS filled, toDate(ts, {time_zone:String}) AS day, toFloat64(quantity) AS fill_quantity,
            if(slippage_mid IS NULL, slippage_arrival, slippage_mid) AS slippage,
            ({cost_multiple:Float64} - 1)
                * (greatest(toFloat64(commission), 0) + greatest(toFloat64(ifNull(slippage, 0)), 0) * fill_quantity)
                * toFloat64(ifNull(fx_rate, 1)) AS extra
        FROM fills FINAL
        WHERE run_id = {run_id:String}
    ),
    -- A fill belongs to the last opening of its session before it. A symbol's market may be behind that of the account, so
    -- a fill before all openings belongs to the first.
    openings AS
    (
        SELECT
            account_id, session_id, opening,
            if(opening = min(opening) OVER (PARTITION BY account_id, session_id), toDateTime64(0, 9, 'UTC'), opened) AS since
        FROM v_openings(run_id = {run_id:String})
    ),
    paid AS
    (
        SELECT
            costs.account_id AS account_id, costs.session_id AS session_id, opening, day,
            sum(extra) AS day_extra, countIf(slippage IS NULL) AS day_unpriced
        FROM costs
        ASOF INNER JOIN openings ON costs.account_id = openings.account_id AND costs.session_id = openings.session_id
            AND costs.filled >= openings.since
        GROUP BY account_id, session_id, opening, day
    ),
    stressed AS
    (
        SELECT
            currency, account_id, opening, day, day_unpriced,
            sum(day_extra) OVER (
                PARTITION BY account_id, opening ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far,
            toFloat64(start_equity) - so_far + day_extra AS stressed_start,
            toFloat64(end_equity) - so_far AS stressed_end
        FROM v_session_days(run_id = {run_id:String}, time_zone = {time_zone:String}) AS session_days
        INNER JOIN scoped USING (account_id, session_id, currency)
        LEFT JOIN paid USING (account_id, session_id, opening, day)
        WHERE session_days.strategy_id = {strategy_id:String}
    ),
    observed AS
    (
        SELECT
            currency, count() AS days, sum(unpriced) AS unpriced,
            arrayMap(pair -> pair.2, arraySort(groupArray((day, day_growth - 1)))) AS returns
        FROM
        (
            SELECT
                currency, day, sum(account_unpriced) AS unpriced,
                if(sum(capital) > 0, sum(capital * growth) / sum(capital), 0.) AS day_growth
            FROM
            (
                SELECT
                    currency, account_id, day, sum(day_unpriced) AS account_unpriced,
                    arraySort(groupArray((opening, stressed_start, stressed_end))) AS periods,
                    paper_linked_growth(periods) AS growth,
                    paper_day_capital(periods) AS capital
                FROM stressed GROUP BY currency, account_id, day
            )
            GROUP BY currency, day
        )
        GROUP BY currency
    ),
    trades AS
    (
        SELECT
            currency, paper_ratio(sumIf(net, net > 0), abs(sumIf(net, net < 0))) AS profit_factor
        FROM
        (
            SELECT
                scoped.currency AS currency, trip,
                toFloat64(sum(leg_realised) - sum(leg_fee)) - sum(extra * toFloat64(leg_quantity) / fill_quantity) AS net
            FROM v_legs
            INNER JOIN costs ON v_legs.exec_id = costs.exec_id AND v_legs.account_id = costs.account_id
            INNER JOIN scoped ON costs.account_id = scoped.account_id AND costs.session_id = scoped.session_id
            WHERE v_legs.run_id = {run_id:String}
            GROUP BY currency, costs.account_id, costs.session_id, symbol, trip
            HAVING argMax(after, offset) = 0
        )
        GROUP BY currency
    ),
    measured AS
    (
        SELECT
            *, paper_sharpe(returns) AS sharpe, paper_skewness(returns) AS skewness, paper_kurtosis(returns) AS kurtosis
        FROM observed
    )
SELECT
    measured.currency AS currency,
    unpriced,
    paper_psr(sharpe, 0, days, skewness, kurtosis) AS psr,
    paper_psr(sharpe, paper_deflated_target({trials:Nullable(UInt32)}, {trials_variance:Nullable(Float64)}),
        days, skewness, kurtosis) AS dsr,
    arrayMin(paper_drawdowns(paper_wealth(returns))) AS max_drawdown,
    arrayMin(returns) AS worst_day,
    profit_factor
FROM measured
LEFT JOIN trades ON measured.currency = trades.currency
ORDER BY currency
SETTINGS join_use_nulls = 0
