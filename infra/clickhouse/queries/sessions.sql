-- The paper sessions of a run, newest first. A session that was opened again has status, times and cash of its last opening.
--   opened_at: market time of the opening, or of the first valuation if the market had not begun. valued_at: market time
--   of the equity. Amounts are in the session's currency.
--   net_pnl, return, fills: of all its openings in this currency. return: time-weighted, as in metrics_returns.sql; NULL if
--   an opening without cash earned something.
--   evidence: forward if all fills are (v_fill_evidence, days in UTC), backward if one is not; NULL without fills. backward:
--   the reasons. sources: those of the markets that it traded on.
WITH
    openings AS
    (
        SELECT
            account_id, session_id,
            argMaxIf((control_id, ts, offset), (kafka_timestamp, offset), kind = 'SESSION_OPENED') AS opening,
            arraySort(arrayFilter(closing -> closing.1 > opening.3,
                groupArrayIf((offset, ts), kind = 'SESSION_CLOSED'))) AS closings
        FROM risk_events
        WHERE run_id = {run_id:String} AND kind IN ('SESSION_OPENED', 'SESSION_CLOSED')
        GROUP BY account_id, session_id
    ),
    asked AS
    (
        SELECT control_id, any(strategy_id) AS strategy, any(controls.instruments) AS symbols,
            any(controls.settings_sha256) AS settings, any(controls.opening_cash) AS cash,
            any(controls.code_sha256) AS code, any(controls.parameters) AS chosen
        FROM controls
        WHERE run_id = {run_id:String} AND kind = 'SESSION_OPEN'
        GROUP BY control_id
    ),
    valued AS
    (
        SELECT account_id, session_id, minIf(ts, toUnixTimestamp64Nano(ts) > 0) AS first_ts, argMax((currency, equity, peak_equity, ts), offset) AS newest
        FROM account_equity
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id
    ),
    earned AS
    (
        SELECT account_id, session_id, argMax((period_pnl, linked), last_opening) AS result
        FROM
        (
            SELECT
                account_id, session_id, currency, max(opening) AS last_opening,
                sum(end_equity - start_equity) AS period_pnl,
                arraySort(groupArray((opening, toFloat64(start_equity), toFloat64(end_equity)))) AS periods,
                if(min(start_equity > 0 OR end_equity = 0), paper_linked_growth(periods) - 1, NULL) AS linked
            FROM v_sub_periods(run_id = {run_id:String})
            GROUP BY account_id, session_id, currency
        )
        GROUP BY account_id, session_id
    ),
    filled AS
    (
        SELECT account_id, session_id, count() AS fills FROM fills WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id
    ),
    proved AS
    (
        SELECT
            account_id, session_id,
            arrayFilter(reason -> reason != '', arraySort(groupUniqArray(v_fill_evidence.backward))) AS reasons,
            arraySort(arrayDistinct(arrayFlatten(groupUniqArray(sources)))) AS origins
        FROM v_fill_evidence(run_id = {run_id:String}, time_zone = 'UTC') AS v_fill_evidence
        GROUP BY account_id, session_id
    )
SELECT
    session_id,
    account_id,
    asked.strategy AS strategy_id,
    if(empty(closings), 'OPEN', 'CLOSED') AS status,
    if(toUnixTimestamp64Nano(opening.2) > 0, opening.2, first_ts) AS opened_at,
    if(empty(closings), NULL, closings[1].2) AS closed_at,
    newest.1 AS currency,
    asked.cash AS opening_cash,
    newest.2 AS equity,
    result.1 AS net_pnl,
    result.2 AS return,
    newest.4 AS valued_at,
    ifNull(fills, 0) AS fills,
    asked.symbols AS instruments,
    asked.settings AS settings_sha256,
    asked.code AS code_sha256,
    asked.chosen AS parameters,
    if(fills = 0, NULL, if(empty(reasons), 'forward', 'backward')) AS evidence,
    reasons AS backward,
    origins AS sources
FROM openings
LEFT JOIN asked ON openings.opening.1 = asked.control_id
LEFT JOIN valued USING (account_id, session_id)
LEFT JOIN filled USING (account_id, session_id)
LEFT JOIN earned USING (account_id, session_id)
LEFT JOIN proved USING (account_id, session_id)
ORDER BY opened_at DESC, account_id, session_id
SETTINGS join_use_nulls = 1
