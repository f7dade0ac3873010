-- What metrics are made of: statistics as functions, and sums that are kept as the rows come.
--   Conventions: a return is r_t = E_t / E_{t-1} - 1, an array holds them in the order of days. What is undefined is NULL.
--   Functions are the server's, not the database's; each says what its arguments and its source are.

ALTER TABLE risk_events
    ADD COLUMN IF NOT EXISTS breaker_state LowCardinality(Nullable(String));

-- A number, or NULL where it is infinite or NaN.
CREATE OR REPLACE FUNCTION paper_defined AS (x) -> if(isFinite(x), x, NULL);

-- part / whole, NULL for a whole of 0.
CREATE OR REPLACE FUNCTION paper_ratio AS (part, whole) ->
    paper_defined(toFloat64(part) / nullIf(toFloat64(whole), 0));

-- Arithmetic mean, NULL of nothing.
CREATE OR REPLACE FUNCTION paper_mean AS (x) -> if(empty(x), NULL, arrayAvg(x));

-- An amount (scale 18) at a rate (scale 9), rounded half even as accounts book it; a rate of NULL: the same currency.
CREATE OR REPLACE FUNCTION paper_converted AS (amount, rate) ->
    if(rate IS NULL, amount, toDecimal128(roundBankers(
        toDecimal256(amount, 18) * toDecimal256(ifNull(rate, toDecimal64(1, 9)), 9), 18), 18));

-- Deviations from the mean.
CREATE OR REPLACE FUNCTION paper_centred AS (r) ->
    arrayMap((value, mean) -> value - mean, r, arrayWithConstant(length(r), arrayAvg(r)));

-- Sample standard deviation (ddof 1). NULL for fewer than 2 values. Below 1e-14, the resolution of a return in double
-- precision, it is 0.
CREATE OR REPLACE FUNCTION paper_deviation AS (r) ->
    if(length(r) < 2, NULL, if(
        sqrt(arraySum(c -> c * c, paper_centred(r)) / (length(r) - 1)) < 1e-14, 0.,
        sqrt(arraySum(c -> c * c, paper_centred(r)) / (length(r) - 1))));

-- Sharpe ratio a period: mean / sample deviation. NULL for zero variance or fewer than 2 values. Sharpe 1994.
CREATE OR REPLACE FUNCTION paper_sharpe AS (r) -> paper_ratio(paper_mean(r), paper_deviation(r));

-- Sortino ratio a period: mean(r - mar) / sqrt(sum(min(r - mar, 0)^2) / n) over all n. Sortino and Price 1994.
CREATE OR REPLACE FUNCTION paper_sortino AS (r, mar) ->
    paper_ratio(paper_mean(r) - mar, sqrt(arrayAvg(arrayMap(v -> pow(least(v - mar, 0.), 2), r))));

-- Skewness g3 and raw kurtosis g4 (normal: 3) by population moments, as scipy's with bias. NULL for zero variance.
CREATE OR REPLACE FUNCTION paper_skewness AS (r) ->
    if(ifNull(paper_deviation(r), 0) = 0, NULL, paper_defined(
        arrayAvg(arrayMap(c -> c * c * c, paper_centred(r)))
        / pow(arrayAvg(arrayMap(c -> c * c, paper_centred(r))), 1.5)));
CREATE OR REPLACE FUNCTION paper_kurtosis AS (r) ->
    if(ifNull(paper_deviation(r), 0) = 0, NULL, paper_defined(
        arrayAvg(arrayMap(c -> c * c * c * c, paper_centred(r)))
        / pow(arrayAvg(arrayMap(c -> c * c, paper_centred(r))), 2)));

-- Historical value at risk: the quantile at level (0.05: the worst 5 %), linear interpolation; a loss is negative.
CREATE OR REPLACE FUNCTION paper_value_at_risk AS (r, level) ->
    if(empty(r), NULL,
        arraySort(r)[toUInt32(floor((length(r) - 1) * level)) + 1]
        + ((length(r) - 1) * level - floor((length(r) - 1) * level))
        * (arraySort(r)[toUInt32(ceil((length(r) - 1) * level)) + 1]
            - arraySort(r)[toUInt32(floor((length(r) - 1) * level)) + 1]));

-- Expected shortfall: the mean of the floor((n - 1) * level) + 1 lowest returns. empyrical-reloaded.
CREATE OR REPLACE FUNCTION paper_expected_shortfall AS (r, level) ->
    if(empty(r), NULL, arrayAvg(arraySlice(arraySort(r), 1, toUInt32(floor((length(r) - 1) * level)) + 1)));

-- Wealth after 0, 1, ... n returns, starting at 1; its running maximum, seeded with the start; v_t / peak_t - 1.
CREATE OR REPLACE FUNCTION paper_wealth AS (r) ->
    arrayFold((wealth, value) -> arrayPushBack(wealth, wealth[-1] * (1 + value)), r, [1.]);
CREATE OR REPLACE FUNCTION paper_peaks AS (v) ->
    arrayFold((peaks, value) -> arrayPushBack(peaks, greatest(peaks[-1], value)), arrayPopFront(v), [v[1]]);
CREATE OR REPLACE FUNCTION paper_drawdowns AS (v) ->
    arrayMap((value, peak) -> value / peak - 1, v, paper_peaks(v));

-- Drawdowns and their days, split into runs that each begin at a peak: [[(drawdown, day), ...], ...].
CREATE OR REPLACE FUNCTION paper_underwater AS (drawdowns, days) ->
    arraySplit((item, drawdown) -> drawdown >= 0, arrayZip(drawdowns, days), drawdowns);

-- Episodes of drawdown: (depth, day of the peak, day of the trough, day of the recovery or NULL, last day).
-- PerformanceAnalytics' findDrawdowns: from the peak to the day that regains it.
CREATE OR REPLACE FUNCTION paper_drawdown_episodes AS (drawdowns, days) ->
    arrayFilter(episode -> episode.1 < 0, arrayMap(
        (run, next) -> (
            arrayMin(arrayMap(item -> item.1, run)),
            run[1].2,
            arrayFirst((item, depth) -> item.1 = depth, run,
                arrayWithConstant(length(run), arrayMin(arrayMap(item -> item.1, run)))).2,
            if(empty(next), NULL, next[1].2),
            if(empty(next), run[-1].2, next[1].2)),
        paper_underwater(drawdowns, days),
        arrayPushBack(arrayPopFront(paper_underwater(drawdowns, days)),
            arrayResize(paper_underwater(drawdowns, days)[1], 0))));

-- Phi(z), and its inverse to 1e-15 by Wichura's algorithm AS 241 (PPND16), 1988; NULL outside (0, 1).
CREATE OR REPLACE FUNCTION paper_normal_cdf AS (z) -> erfc(-z / sqrt(2.)) / 2;
CREATE OR REPLACE FUNCTION paper_polynomial AS (coefficients, x) ->
    arrayFold((total, coefficient) -> total * x + coefficient, coefficients, x * 0.);
CREATE OR REPLACE FUNCTION paper_normal_quantile AS (p) ->
    multiIf(
        NOT (p > 0 AND p < 1), NULL,
        abs(p - 0.5) <= 0.425,
        (p - 0.5) * paper_polynomial([
            2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
            1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0],
            0.180625 - pow(p - 0.5, 2))
        / paper_polynomial([
            5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
            5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.],
            0.180625 - pow(p - 0.5, 2)),
        sqrt(-log(least(p, 1 - p))) <= 5,
        sign(p - 0.5) * paper_polynomial([
            7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
            1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
            4.63033784615654529590e0, 1.42343711074968357734e0], sqrt(-log(least(p, 1 - p))) - 1.6)
        / paper_polynomial([
            1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
            1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
            2.05319162663775882187e0, 1.], sqrt(-log(least(p, 1 - p))) - 1.6),
        sign(p - 0.5) * paper_polynomial([
            2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
            2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
            5.46378491116411436990e0, 6.65790464350110377720e0], sqrt(-log(least(p, 1 - p))) - 5)
        / paper_polynomial([
            2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
            7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
            5.99832206555887937690e-1, 1.], sqrt(-log(least(p, 1 - p))) - 5));

-- Sharpe ratios under skew and fat tails. sharpe, target: a period; n: observations. Bailey and Lopez de Prado 2012.
--   Standard error: sqrt((1 - g3*SR + (g4 - 1)/4 * SR^2) / (n - 1)).
--   PSR: the probability that the true ratio is above target. MinTRL: observations until it is so with the confidence;
--   NULL where the ratio is not above target.
CREATE OR REPLACE FUNCTION paper_sharpe_error AS (sharpe, n, skewness, kurtosis) ->
    if(n < 2, NULL, paper_defined(sqrt((1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe) / (n - 1))));
CREATE OR REPLACE FUNCTION paper_psr AS (sharpe, target, n, skewness, kurtosis) ->
    paper_defined(paper_normal_cdf(
        (sharpe - target) / nullIf(paper_sharpe_error(sharpe, n, skewness, kurtosis), 0)));
CREATE OR REPLACE FUNCTION paper_min_track_record AS (sharpe, target, skewness, kurtosis, confidence) ->
    if(sharpe > target,
        paper_defined(1 + (1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe)
            * pow(paper_normal_quantile(confidence) / (sharpe - target), 2)),
        NULL);

-- The greatest of n independent standard normal values on average, 0 for one. The ratio to beat after n trials whose
-- ratios have the variance: sqrt(variance) times that; 0 for one trial, NULL where trials or variance are not declared.
-- The deflated Sharpe ratio is the PSR against it. Bailey and Lopez de Prado 2014.
CREATE OR REPLACE FUNCTION paper_expected_maximum AS (n) ->
    multiIf(n < 1, NULL, n = 1, 0.,
        (1 - 0.5772156649015329) * paper_normal_quantile(1 - 1 / n)
            + 0.5772156649015329 * paper_normal_quantile(1 - 1 / (n * e())));
CREATE OR REPLACE FUNCTION paper_deflated_target AS (trials, variance) ->
    if(trials = 1, 0., sqrt(variance) * paper_expected_maximum(trials));

-- Sums by quarter of an hour, in which the days of every time zone begin and end. They are projections: a part of the
-- table holds its rows and their sums and appears whole or not at all, so a block that is repeated, refused, deleted or
-- merged away counts in both or in neither (docs/decisions/0016).
ALTER TABLE fills
    MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE fills ADD PROJECTION IF NOT EXISTS quarter_hours
(
    SELECT
        run_id, account_id, session_id, toStartOfFifteenMinutes(ts),
        count(),
        countIf(liquidity = 'ADDED'),
        sum(paper_converted(notional, fx_rate)),
        sum(paper_converted(commission, fx_rate)),
        sum(realised_pnl),
        sum(paper_converted(toDecimal128(quantity, 9) * slippage_mid, fx_rate)),
        sumIf(paper_converted(notional, fx_rate), slippage_mid IS NOT NULL),
        sum(paper_converted(toDecimal128(quantity, 9) * slippage_arrival, fx_rate)),
        sumIf(paper_converted(notional, fx_rate), slippage_arrival IS NOT NULL)
    GROUP BY run_id, account_id, session_id, toStartOfFifteenMinutes(ts)
);
ALTER TABLE fills ADD PROJECTION IF NOT EXISTS quarter_hours_by_symbol
(
    SELECT
        run_id, account_id, session_id, symbol, toStartOfFifteenMinutes(ts),
        count(),
        countIf(liquidity = 'ADDED'),
        sum(paper_converted(notional, fx_rate)),
        sum(paper_converted(commission, fx_rate)),
        sum(realised_pnl),
        sum(paper_converted(toDecimal128(quantity, 9) * slippage_mid, fx_rate)),
        sumIf(paper_converted(notional, fx_rate), slippage_mid IS NOT NULL),
        sum(paper_converted(toDecimal128(quantity, 9) * slippage_arrival, fx_rate)),
        sumIf(paper_converted(notional, fx_rate), slippage_arrival IS NOT NULL)
    GROUP BY run_id, account_id, session_id, symbol, toStartOfFifteenMinutes(ts)
);
ALTER TABLE fills MATERIALIZE PROJECTION quarter_hours SETTINGS mutations_sync = 1;
ALTER TABLE fills MATERIALIZE PROJECTION quarter_hours_by_symbol SETTINGS mutations_sync = 1;

ALTER TABLE account_equity
    MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE account_equity ADD PROJECTION IF NOT EXISTS quarter_hours
(
    SELECT
        run_id, account_id, session_id, strategy_id, currency, toStartOfFifteenMinutes(ts),
        countIf(`trigger` != 'SESSION_OPEN'),
        countIf(`trigger` = 'SESSION_OPEN'),
        countIf(`trigger` = 'SESSION_CLOSE'),
        argMaxIf(equity, offset, `trigger` = 'SESSION_OPEN'),
        argMax(equity, offset),
        minIf(toFloat64(drawdown) / toFloat64(peak_equity), peak_equity > 0)
    GROUP BY run_id, account_id, session_id, strategy_id, currency, toStartOfFifteenMinutes(ts)
);
ALTER TABLE account_equity MATERIALIZE PROJECTION quarter_hours SETTINGS mutations_sync = 1;

ALTER TABLE order_results
    MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE order_results ADD PROJECTION IF NOT EXISTS quarter_hours
(
    SELECT
        run_id, account_id, session_id, symbol, exec_type, ifNull(reason_code, ''), toStartOfFifteenMinutes(ts),
        count(),
        countIf(terminal AND exec_type != 'REJECTED'),
        sumIf(toFloat64(cum_qty) / toFloat64(order_qty), terminal AND exec_type != 'REJECTED' AND order_qty > 0)
    GROUP BY
        run_id, account_id, session_id, symbol, exec_type, ifNull(reason_code, ''), toStartOfFifteenMinutes(ts)
);
ALTER TABLE order_results MATERIALIZE PROJECTION quarter_hours SETTINGS mutations_sync = 1;

ALTER TABLE marks
    MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE marks ADD PROJECTION IF NOT EXISTS quarter_hours
(
    SELECT run_id, symbol, toStartOfFifteenMinutes(ts), countIf(kind = 'QUOTE')
    GROUP BY run_id, symbol, toStartOfFifteenMinutes(ts)
);
ALTER TABLE marks MATERIALIZE PROJECTION quarter_hours SETTINGS mutations_sync = 1;

-- Equity by quarter of an hour. opening: of the last SESSION_OPEN in it. worst_drawdown: of all records, a fraction.
CREATE OR REPLACE VIEW v_equity_quarters AS
SELECT
    run_id, account_id, session_id, strategy_id, currency, toStartOfFifteenMinutes(ts) AS quarter,
    countIf(`trigger` != 'SESSION_OPEN') AS records,
    countIf(`trigger` = 'SESSION_OPEN') AS openings,
    countIf(`trigger` = 'SESSION_CLOSE') AS closings,
    argMaxIf(equity, offset, `trigger` = 'SESSION_OPEN') AS opening,
    argMax(equity, offset) AS last_equity,
    minIf(toFloat64(drawdown) / toFloat64(peak_equity), peak_equity > 0) AS worst_drawdown
FROM account_equity
GROUP BY run_id, account_id, session_id, strategy_id, currency, quarter;

-- The sessions of what is asked for. scope: session, account or strategy; scope_id: which one, empty for all.
CREATE OR REPLACE VIEW v_scope AS
SELECT scope_id, account_id, session_id, currency
FROM
(
    SELECT
        if({scope:String} = 'session', session_id, if({scope:String} = 'account', account_id, strategy_id)) AS scope_id,
        account_id, session_id, currency
    FROM
    (
        SELECT
            toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id,
            ifNull(toString(strategy_id), '') AS strategy_id, toString(currency) AS currency,
            countIf(`trigger` = 'SESSION_OPEN') AS openings
        FROM account_equity
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id, strategy_id, currency
    )
)
WHERE scope_id != '' AND ({scope_id:String} = '' OR scope_id = {scope_id:String});

-- Each session's days in a time zone: equity at the day's start and end, in the account's currency.
--   A day has a record of the session, or quotes of a symbol that it trades between its opening and its end: on a quiet
--   day equity stays. Before the first end stands the opening cash, E_0. A name that is opened again goes on from the
--   last opening of the day.
CREATE OR REPLACE VIEW v_session_days AS
WITH
    recorded AS
    (
        SELECT
            account_id, session_id, toDate(quarter, {time_zone:String}) AS day,
            sum(records) AS day_records,
            sum(closings) AS day_closings,
            if(sum(openings) = 0, NULL, argMaxIf(opening, quarter, openings > 0)) AS opened_with,
            CAST(argMax(last_equity, quarter) AS Nullable(Decimal(38, 18))) AS ended_with,
            min(worst_drawdown) AS day_drawdown
        FROM v_equity_quarters
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id, day
    ),
    spans AS
    (
        SELECT account_id, session_id, min(day) AS first_day, max(day) AS last_day, sum(day_closings) > 0 AS is_closed
        FROM recorded
        GROUP BY account_id, session_id
    ),
    market AS
    (
        SELECT symbol, toDate(toStartOfFifteenMinutes(ts), {time_zone:String}) AS day
        FROM marks
        WHERE run_id = {run_id:String}
        GROUP BY symbol, day
        HAVING countIf(kind = 'QUOTE') > 0
    ),
    traded AS
    (
        SELECT account_id, session_id, symbol FROM fills WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id, symbol
    ),
    grid AS
    (
        SELECT account_id, session_id, day, day_records > 0 AS counts, opened_with, ended_with, day_drawdown
        FROM recorded
        UNION ALL
        SELECT DISTINCT account_id, session_id, market.day, true, NULL, NULL, NULL
        FROM traded
        INNER JOIN market USING (symbol)
        INNER JOIN spans USING (account_id, session_id)
        WHERE market.day > first_day AND (NOT is_closed OR market.day <= last_day)
    ),
    days AS
    (
        SELECT
            account_id, session_id, day,
            max(counts) AS day_counts,
            anyLast(opened_with) AS opening,
            anyLast(ended_with) AS ending,
            min(day_drawdown) AS worst_drawdown
        FROM grid
        GROUP BY account_id, session_id, day
    )
SELECT
    account_id, session_id, day,
    assumeNotNull(ifNull(opening, ended_before)) AS start_equity,
    assumeNotNull(end_known) AS end_equity,
    worst_drawdown
FROM
(
    SELECT
        *,
        anyLast(ending) OVER (
            PARTITION BY account_id, session_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS end_known,
        anyLast(ending) OVER (
            PARTITION BY account_id, session_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before
    FROM days
)
WHERE day_counts AND ifNull(opening, ended_before) IS NOT NULL;

-- The days of what is asked for: the sums of its sessions' equity; day_drawdown: the worst of a record of one of them.
CREATE OR REPLACE VIEW v_scope_days AS
SELECT
    scope_id, currency, day,
    sum(start_equity) AS day_start,
    sum(end_equity) AS day_end,
    min(worst_drawdown) AS day_drawdown
FROM v_session_days(run_id = {run_id:String}, time_zone = {time_zone:String}) AS session_days
INNER JOIN v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String}) AS sessions
    ON session_days.account_id = sessions.account_id AND session_days.session_id = sessions.session_id
GROUP BY scope_id, currency, day;

-- The fills of an account in a symbol as legs: what of a fill closed the position, and what opened one.
--   trip: number of the round trip, from flat to flat or through flat. leg_value, leg_fee: in the account's currency, by
--   quantity; realised of the closing leg without fees. after: position after the leg.
--   units: what one unit of the leg became by the splits that the position went through later. Fills show them: between
--   two of them a position has grown or shrunk.
CREATE OR REPLACE VIEW v_legs AS
SELECT
    run_id, account_id, session_id, symbol, offset, exec_id, ts,
    leg.1 AS closes,
    leg.2 AS leg_quantity,
    leg.3 AS trip,
    leg.4 AS after,
    if(closes, if(position_before > 0, 1, -1), if(position_qty > 0, 1, -1)) AS direction,
    if(closes, closing_value, value - closing_value) AS leg_value,
    if(closes, closing_fee, fee - closing_fee) AS leg_fee,
    if(closes, realised_pnl + fee, toDecimal128(0, 18)) AS leg_realised,
    if(units_after >= 1, round(units_after, 9), 1 / round(1 / units_after, 9)) AS units
FROM
(
    SELECT
        *,
        toInt64(sum(opened > 0 AND (closed > 0 OR position_before = 0)) OVER so_far) AS trip_after,
        exp(sum(log(split_after)) OVER from_now - log(split_after)) AS units_after,
        toDecimal128(roundBankers(toDecimal256(value, 18) * toDecimal256(closed, 9) / quantity, 18), 18)
            AS closing_value,
        toDecimal128(roundBankers(toDecimal256(fee, 18) * toDecimal256(closed, 9) / quantity, 18), 18) AS closing_fee
    FROM
    (
        SELECT
            *,
            if(side = 'BUY', quantity, -quantity) AS signed,
            position_qty - signed AS position_before,
            if(sign(position_before) * sign(signed) >= 0, toDecimal64(0, 9), least(abs(position_before), quantity)) AS closed,
            quantity - closed AS opened,
            paper_converted(notional, fx_rate) AS value,
            paper_converted(commission, fx_rate) AS fee,
            paper_ratio(position_before, lagInFrame(position_qty) OVER so_far) AS ratio,
            if(ifNull(ratio, 0) > 0, assumeNotNull(ratio), 1.) AS split_after
        FROM fills FINAL
        WINDOW so_far AS
        (
            PARTITION BY run_id, account_id, session_id, symbol ORDER BY offset
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
    WINDOW
        so_far AS
        (
            PARTITION BY run_id, account_id, session_id, symbol ORDER BY offset
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        from_now AS
        (
            PARTITION BY run_id, account_id, session_id, symbol ORDER BY offset DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
)
ARRAY JOIN arrayFilter(item -> item.2 > 0, [
    (true, closed, trip_after - toInt64(opened > 0), if(opened > 0, toDecimal64(0, 9), position_qty)),
    (false, opened, trip_after, position_qty)]) AS leg;

-- Round trips, from flat to flat; a fill that goes through flat ends one and begins the next. In the account's currency.
--   pnl: realised at average cost less the fees of all its fills; closed is NULL while it is open.
CREATE OR REPLACE VIEW v_round_trips AS
SELECT
    run_id, account_id, session_id, symbol, trip,
    any(v_legs.direction) AS direction,
    min(ts) AS opened,
    argMax(after, offset) AS open_quantity,
    if(open_quantity = 0, max(ts), NULL) AS closed,
    sumIf(leg_value, NOT closes) AS entry_value,
    sumIf(leg_value, closes) AS exit_value,
    sum(leg_fee) AS fees,
    sum(leg_realised) - fees AS pnl,
    count() AS legs
FROM v_legs
GROUP BY run_id, account_id, session_id, symbol, trip;

-- FIFO lots: what was opened first is closed first, in each direction of a position. In the account's currency.
--   The n-th unit that closes is the n-th that was opened, so the lots are the intervals between the bounds of both
--   running sums. quantity: in units after those splits; closed and pnl are NULL while the lot is open.
--   open_value, close_value, fees: of the lot's share of its two fills, by quantity; rounded so that shares sum exactly.
CREATE OR REPLACE VIEW v_lots AS
SELECT
    run_id, account_id, session_id, symbol, direction,
    bound - bound_before AS quantity,
    opening.2 AS opened,
    if(closing.1 = '', NULL, closing.2) AS closed,
    opening.1 AS open_exec_id,
    if(closing.1 = '', NULL, closing.1) AS close_exec_id,
    toDecimal128(roundBankers(opening.3 * (bound - opening.6) / opening.5, 18)
        - roundBankers(opening.3 * (bound_before - opening.6) / opening.5, 18), 18) AS open_value,
    if(closed IS NULL, NULL, toDecimal128(roundBankers(closing.3 * (bound - closing.6) / closing.5, 18)
        - roundBankers(closing.3 * (bound_before - closing.6) / closing.5, 18), 18)) AS close_value,
    toDecimal128(roundBankers(opening.4 * (bound - opening.6) / opening.5, 18)
        - roundBankers(opening.4 * (bound_before - opening.6) / opening.5, 18), 18)
    + if(closed IS NULL, toDecimal128(0, 18), toDecimal128(roundBankers(closing.4 * (bound - closing.6) / closing.5, 18)
        - roundBankers(closing.4 * (bound_before - closing.6) / closing.5, 18), 18)) AS fees,
    direction * (close_value - open_value) - fees AS pnl
FROM
(
    SELECT
        *,
        lagInFrame(bound) OVER (
            PARTITION BY run_id, account_id, session_id, symbol, direction ORDER BY bound
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS bound_before,
        argMinIf(opens, bound, opens.1 != '') OVER at_or_above AS opening,
        argMinIf(closings, bound, closings.1 != '') OVER at_or_above AS closing
    FROM
    (
        SELECT
            run_id, account_id, session_id, symbol, direction, bound,
            anyIf(fill, NOT closes) AS opens,
            anyIf(fill, closes) AS closings
        FROM
        (
            SELECT
                *,
                toDecimal256(if(units = 1, leg_quantity,
                    toDecimal64(round(toFloat64(leg_quantity) * units, 9), 9)), 9) AS share,
                sum(share) OVER (
                    PARTITION BY run_id, account_id, session_id, symbol, direction, closes
                    ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS bound,
                (exec_id, ts, toDecimal256(leg_value, 18), toDecimal256(leg_fee, 18), share, bound - share) AS fill
            FROM v_legs
        )
        GROUP BY run_id, account_id, session_id, symbol, direction, bound
    )
    WINDOW at_or_above AS
    (
        PARTITION BY run_id, account_id, session_id, symbol, direction ORDER BY bound DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
WHERE opening.1 != '';
