-- Fills and trading costs of a session, an account or a strategy, in the account's currency; a part is a day or a symbol.
--   Slippage is (fill price - middle) * side * quantity: positive if the trader paid it. The middle is that at the fill,
--   or that at the order's arrival. Basis points are of the value of the fills whose slippage is known.
--   turnover: value traded / mean equity at the ends of days; a part that is a day takes its own equity.
--   funding, dividends: received, negative if paid.
--   by: day, instrument or empty. scope, scope_id, time_zone: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    filled AS
    (
        SELECT
            account_id, session_id,
            if({by:String} = 'day', toString(toDate(toStartOfFifteenMinutes(ts), {time_zone:String})),
                if({by:String} = 'instrument', toString(symbol), '')) AS part,
            count() AS number,
            countIf(liquidity = 'ADDED') AS added,
            sum(paper_converted(notional, fx_rate)) AS value,
            sum(paper_converted(commission, fx_rate)) AS fee,
            sum(realised_pnl) AS realised,
            sum(paper_converted(toDecimal128(quantity, 9) * slippage_mid, fx_rate)) AS cost_mid,
            sumIf(paper_converted(notional, fx_rate), slippage_mid IS NOT NULL) AS value_mid,
            sum(paper_converted(toDecimal128(quantity, 9) * slippage_arrival, fx_rate)) AS cost_arrival,
            sumIf(paper_converted(notional, fx_rate), slippage_arrival IS NOT NULL) AS value_arrival
        FROM fills
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, session_id, part
    ),
    paid AS
    (
        SELECT
            toString(account_id) AS account_id, toString(session_id) AS session_id,
            if({by:String} = 'day', toString(toDate(toStartOfFifteenMinutes(ts), {time_zone:String})),
                if({by:String} = 'instrument', toString(symbol), '')) AS part,
            sum(funding) AS funding_received,
            sum(dividends) AS dividends_received
        FROM v_payments(run_id = {run_id:String})
        WHERE account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, session_id, part
    ),
    -- A part with payments and without fills has a row too.
    earned AS
    (
        SELECT *, toDecimal128(0, 18) AS funding_received, toDecimal128(0, 18) AS dividends_received
        FROM filled
        UNION ALL
        SELECT
            account_id, session_id, part, 0, 0, toDecimal128(0, 18), toDecimal128(0, 18), toDecimal128(0, 18), NULL,
            toDecimal128(0, 18), NULL, toDecimal128(0, 18), funding_received, dividends_received
        FROM paid
    ),
    valued AS
    (
        SELECT
            scope_id, currency, if({by:String} = 'day', toString(day), '') AS part,
            avg(toFloat64(day_end)) AS mean_equity
        FROM v_scope_days(
            run_id = {run_id:String}, time_zone = {time_zone:String}, scope = {scope:String},
            scope_id = {scope_id:String})
        GROUP BY scope_id, currency, part
    )
SELECT
    scope_id,
    currency,
    part,
    fills,
    maker_share,
    traded_value,
    paper_ratio(traded_value, mean_equity) AS turnover,
    realised_pnl,
    fees,
    funding,
    dividends,
    paper_ratio(fees, traded_value) * 1e4 AS fees_bps,
    if(known_mid > 0, slippage_mid, NULL) AS slippage_mid,
    paper_ratio(slippage_mid, known_mid) * 1e4 AS slippage_mid_bps,
    if(known_arrival > 0, slippage_arrival, NULL) AS slippage_arrival,
    paper_ratio(slippage_arrival, known_arrival) * 1e4 AS slippage_arrival_bps
FROM
(
    SELECT
        scope_id, currency, part, if({by:String} = 'day', part, '') AS equity_part,
        sum(number) AS fills,
        paper_ratio(sum(added), fills) AS maker_share,
        sum(value) AS traded_value,
        sum(realised) AS realised_pnl,
        sum(fee) AS fees,
        sum(funding_received) AS funding,
        sum(dividends_received) AS dividends,
        sum(cost_mid) AS slippage_mid,
        sum(value_mid) AS known_mid,
        sum(cost_arrival) AS slippage_arrival,
        sum(value_arrival) AS known_arrival
    FROM earned
    INNER JOIN scoped USING (account_id, session_id)
    GROUP BY scope_id, currency, part
) AS costs
LEFT JOIN valued ON costs.scope_id = valued.scope_id AND costs.currency = valued.currency
    AND costs.equity_part = valued.part
ORDER BY scope_id, currency, part
SETTINGS join_use_nulls = 1
