-- Latencies and implementation shortfall of orders, from single records; a part is a day or an instrument.
--   answer_ms: from the order's record to the record of its first answer (accepted or rejected), by Kafka's clock, in
--   milliseconds: how fast the pipeline is.
--   venue_ms: from the order's time to its arrival at the venue, in milliseconds of market time: what the simulator's
--   latency model drew. Orders that the venue accepted have it.
--   Percentiles interpolate linearly.
--   implementation_shortfall: against a paper portfolio that trades the whole order at the middle on arrival: slippage of
--   the executed quantity + fees + the market's move on the rest up to the order's end (Perold 1988). It covers orders
--   that have ended and arrived in a two-sided market. It is in the account's currency by the symbol's last rate and contract multiplier, and in
--   basis points of order quantity * arrival price; positive is a cost.
--   An order may be answered on one day and end on another.
--   by: day, instrument or empty. scope, scope_id, time_zone: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    asked AS
    (
        SELECT account_id, order_id, min(kafka_timestamp) AS asked_at
        FROM orders
        WHERE run_id = {run_id:String} AND action = 'NEW' AND account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, order_id
    ),
    answers AS
    (
        SELECT
            account_id, order_id,
            argMin((assumeNotNull(session_id), symbol, ts), offset) AS first,
            min(kafka_timestamp) AS answered_at
        FROM order_results
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
            AND exec_type IN ('NEW', 'REJECTED') AND session_id IS NOT NULL
        GROUP BY account_id, order_id
    ),
    latencies AS
    (
        SELECT
            scope_id, currency,
            multiIf({by:String} = 'day', toString(toDate(first.3, {time_zone:String})),
                {by:String} = 'instrument', toString(first.2), '') AS part,
            count() AS timed,
            quantilesExactInclusive(0.5, 0.9, 0.99, 1)(dateDiff('millisecond', asked_at, answered_at)) AS latency
        FROM answers
        INNER JOIN asked USING (account_id, order_id)
        INNER JOIN scoped ON answers.account_id = scoped.account_id AND answers.first.1 = scoped.session_id
        GROUP BY scope_id, currency, part
    ),
    rates AS
    (
        SELECT ifNull(account_currency, currency) AS currency, symbol,
            argMax((fx_rate, contract_multiplier), (ts, offset)) AS last_fill
        FROM fills
        WHERE run_id = {run_id:String}
        GROUP BY currency, symbol
    ),
    worked AS
    (
        SELECT
            account_id, assumeNotNull(session_id) AS session_id, order_id, symbol,
            argMax((ord_status, ts, order_qty, cum_qty, arrival_px, bid_px + ask_px, side), offset) AS last,
            sum(ifNull(toDecimal128(last_qty, 9) * slippage_arrival, toDecimal128(0, 18))) AS slipped,
            sum(ifNull(commission, toDecimal128(0, 18))) AS paid,
            argMinIf((latency_ns, ts), offset, latency_ns IS NOT NULL) AS arrival
        FROM executions
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped) AND session_id IS NOT NULL
        GROUP BY account_id, session_id, order_id, symbol
    ),
    arrivals AS
    (
        SELECT
            scope_id, scoped.currency AS currency,
            multiIf({by:String} = 'day', toString(toDate(arrival.2, {time_zone:String})),
                {by:String} = 'instrument', toString(worked.symbol), '') AS part,
            count() AS arrived,
            quantilesExactInclusive(0.5, 0.9, 0.99, 1)(assumeNotNull(arrival.1) / 1e6) AS latency
        FROM worked
        INNER JOIN scoped ON worked.account_id = scoped.account_id AND worked.session_id = scoped.session_id
        WHERE arrival.1 IS NOT NULL
        GROUP BY scope_id, currency, part
    ),
    shortfalls AS
    (
        SELECT
            scope_id, scoped.currency AS currency,
            multiIf({by:String} = 'day', toString(toDate(last.2, {time_zone:String})),
                {by:String} = 'instrument', toString(worked.symbol), '') AS part,
            last.3 - last.4 AS left_over,
            if(left_over = 0, toDecimal128(0, 18),
                if(last.7 = 'BUY', 1, -1) * toDecimal128(left_over, 9) * (last.6 - 2 * last.5) / 2) AS missed,
            paper_converted(paper_converted(slipped + missed, last_fill.2) + paid, last_fill.1) AS shortfall,
            paper_converted(paper_converted(toDecimal128(assumeNotNull(last.3), 9) * last.5, last_fill.2), last_fill.1)
                AS value
        FROM worked
        INNER JOIN scoped ON worked.account_id = scoped.account_id AND worked.session_id = scoped.session_id
        INNER JOIN rates ON rates.currency = scoped.currency AND rates.symbol = worked.symbol
        WHERE last.1 IN ('FILLED', 'CANCELED', 'EXPIRED') AND last.5 IS NOT NULL AND missed IS NOT NULL
    )
SELECT
    scope_id,
    currency,
    part,
    ifNull(timed, 0) AS timed_orders,
    if(empty(answered), NULL, answered[1]) AS answer_ms_p50,
    if(empty(answered), NULL, answered[2]) AS answer_ms_p90,
    if(empty(answered), NULL, answered[3]) AS answer_ms_p99,
    if(empty(answered), NULL, answered[4]) AS answer_ms_max,
    ifNull(arrived, 0) AS arrived_orders,
    if(empty(travelled), NULL, travelled[1]) AS venue_ms_p50,
    if(empty(travelled), NULL, travelled[2]) AS venue_ms_p90,
    if(empty(travelled), NULL, travelled[3]) AS venue_ms_p99,
    if(empty(travelled), NULL, travelled[4]) AS venue_ms_max,
    costs.ended AS shortfall_orders,
    costs.shortfall AS implementation_shortfall,
    costs.bps AS implementation_shortfall_bps
FROM
(
    SELECT
        scope_id, currency, part, sum(answers) AS timed, groupArrayArray(answer_ms) AS answered,
        sum(reached) AS arrived, groupArrayArray(venue_ms) AS travelled
    FROM
    (
        SELECT
            scope_id, currency, part, timed AS answers, latency AS answer_ms, 0 AS reached,
            CAST([] AS Array(Float64)) AS venue_ms
        FROM latencies
        UNION ALL
        SELECT scope_id, currency, part, 0, [], arrived, latency FROM arrivals
    )
    GROUP BY scope_id, currency, part
) AS times
FULL JOIN
(
    SELECT
        scope_id, currency, part, count() AS ended, sum(shortfall) AS shortfall,
        paper_ratio(sum(shortfalls.shortfall), sum(value)) * 1e4 AS bps
    FROM shortfalls
    GROUP BY scope_id, currency, part
) AS costs USING (scope_id, currency, part)
ORDER BY scope_id, currency, part
SETTINGS join_use_nulls = 1
