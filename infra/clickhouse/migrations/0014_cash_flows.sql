-- Capital as a record of external cash flows, and returns between them.
--   An opening of an account withdraws what an earlier session has left and deposits the opening cash. Records from one
--   opening of an account to the next are a sub-period: within it only trading changes equity. A sub-period's return is
--   end / start - 1, and sub-periods are linked geometrically: the time-weighted rate of return (GIPS 2020, 2.A). So names,
--   closings and amounts of openings make no return and hide none.

-- Wealth after 0, 1, ... n returns, starting at 1. It never comes back from 0 or less: a deposit restores no lost capital.
CREATE OR REPLACE FUNCTION paper_wealth AS (r) ->
    arrayFold((wealth, value) -> arrayPushBack(wealth, greatest(wealth[-1], 0.) * (1 + value)), r, [1.]);

-- Sub-periods of an account as [(number, start, end), ...] in order: their returns; their growth, linked, 1 of none; and
-- the equity that the account begins with and what is deposited later. All are Float64.
CREATE OR REPLACE FUNCTION paper_period_returns AS (periods) ->
    arrayMap(period -> multiIf(
        period.2 > 0, period.3 / period.2 - 1, period.2 = 0 AND period.3 = 0, 0., -1.), periods);
CREATE OR REPLACE FUNCTION paper_linked_growth AS (periods) -> paper_wealth(paper_period_returns(periods))[-1];
CREATE OR REPLACE FUNCTION paper_day_capital AS (periods) ->
    periods[1].2 + arraySum(arrayMap(
        (period, next) -> greatest(next.2 - period.3, 0.), arrayPopBack(periods), arrayPopFront(periods)));

-- The sums of 0007, with the lowest and the highest equity.
ALTER TABLE account_equity DROP PROJECTION IF EXISTS quarter_hours SETTINGS mutations_sync = 1;
ALTER TABLE account_equity ADD PROJECTION IF NOT EXISTS quarter_hours
(
    SELECT
        run_id, account_id, session_id, strategy_id, currency, toStartOfFifteenMinutes(ts),
        countIf(`trigger` != 'SESSION_OPEN'),
        countIf(`trigger` = 'SESSION_OPEN'),
        countIf(`trigger` = 'SESSION_CLOSE'),
        argMax(equity, offset),
        min(equity),
        max(equity),
        minIf(toFloat64(drawdown) / toFloat64(peak_equity), peak_equity > 0)
    GROUP BY run_id, account_id, session_id, strategy_id, currency, toStartOfFifteenMinutes(ts)
);
ALTER TABLE account_equity MATERIALIZE PROJECTION quarter_hours SETTINGS mutations_sync = 1;
CREATE OR REPLACE VIEW v_equity_quarters AS
SELECT
    run_id, account_id, session_id, strategy_id, currency, toStartOfFifteenMinutes(ts) AS quarter,
    countIf(`trigger` != 'SESSION_OPEN') AS records,
    countIf(`trigger` = 'SESSION_OPEN') AS openings,
    countIf(`trigger` = 'SESSION_CLOSE') AS closings,
    argMax(equity, offset) AS last_equity,
    min(equity) AS lowest,
    max(equity) AS highest,
    minIf(toFloat64(drawdown) / toFloat64(peak_equity), peak_equity > 0) AS worst_drawdown
FROM account_equity
GROUP BY run_id, account_id, session_id, strategy_id, currency, quarter;

-- The openings of a run's accounts. opening: offset of the record, which tells and orders an account's sub-periods.
CREATE OR REPLACE VIEW v_openings AS
SELECT DISTINCT
    toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id, offset AS opening, ts AS opened,
    toString(currency) AS currency, equity AS opening_cash
FROM account_equity
WHERE run_id = {run_id:String} AND `trigger` = 'SESSION_OPEN';

-- Equity by sub-period and quarter of an hour. Sums have no order within a quarter, so quarters in which an account was
-- opened are read from its records. place: offset and cash of the opening, (-1, 0) where it is to be found.
CREATE OR REPLACE VIEW v_sub_period_quarters AS
WITH
    quarters AS
    (
        SELECT
            toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id,
            ifNull(toString(strategy_id), '') AS strategy_id, toString(currency) AS currency,
            quarter, records, closings, last_equity, lowest, highest, worst_drawdown,
            sum(openings) OVER (PARTITION BY account_id, quarter) AS opened
        FROM v_equity_quarters
        WHERE run_id = {run_id:String}
    ),
    records_of_openings AS
    (
        SELECT
            toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id,
            ifNull(toString(strategy_id), '') AS strategy_id, toString(currency) AS currency,
            toStartOfFifteenMinutes(ts) AS quarter, offset, `trigger` AS reason, equity, drawdown, peak_equity,
            max(if(`trigger` = 'SESSION_OPEN', (offset, equity), (toInt64(-1), toDecimal128(0, 18)))) OVER (
                PARTITION BY account_id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
        FROM account_equity
        WHERE run_id = {run_id:String}
            AND (account_equity.account_id, toStartOfFifteenMinutes(account_equity.ts)) IN (
                SELECT account_id, quarter FROM quarters WHERE opened > 0)
    ),
    placed AS
    (
        SELECT
            account_id, session_id, strategy_id, currency, quarter, (toInt64(-1), toDecimal128(0, 18)) AS place,
            records, closings, last_equity, lowest, highest, worst_drawdown
        FROM quarters
        WHERE opened = 0
        UNION ALL
        SELECT
            account_id, session_id, strategy_id, currency, quarter, place,
            countIf(reason != 'SESSION_OPEN'),
            countIf(reason = 'SESSION_CLOSE'),
            argMax(equity, offset),
            min(equity),
            max(equity),
            minIf(toFloat64(drawdown) / toFloat64(peak_equity), peak_equity > 0)
        FROM records_of_openings
        GROUP BY account_id, session_id, strategy_id, currency, quarter, place
    )
SELECT
    account_id, session_id, strategy_id, currency, found.1 AS opening, found.2 AS opening_cash,
    quarter, records, closings, last_equity, lowest, highest, worst_drawdown
FROM
(
    SELECT
        *,
        if(place.1 >= 0, place, max(place) OVER (
            PARTITION BY account_id ORDER BY quarter RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS found
    FROM placed
)
WHERE found.1 >= 0;

-- Each sub-period: the cash that it was opened with and the equity of its last record, in the account's currency.
CREATE OR REPLACE VIEW v_sub_periods AS
SELECT
    account_id, session_id, strategy_id, currency, opening,
    any(opening_cash) AS start_equity,
    argMax(last_equity, quarter) AS end_equity
FROM v_sub_period_quarters(run_id = {run_id:String})
GROUP BY account_id, session_id, strategy_id, currency, opening;

-- The days of each sub-period in a time zone: equity at the day's start and end, the lowest and the highest of a record, in
-- the account's currency. worst_drawdown: the lowest of a record against the peak of the sub-period, a fraction.
--   A day has a record of the sub-period, or quotes of a symbol that its session trades between its opening and its end:
--   on a quiet day equity stays. The first day starts with the opening cash.
CREATE OR REPLACE VIEW v_session_days AS
WITH
    recorded AS
    (
        SELECT
            account_id, session_id, strategy_id, currency, opening, toDate(quarter, {time_zone:String}) AS day,
            any(opening_cash) AS opened_with,
            sum(records) AS day_records,
            sum(closings) AS day_closings,
            argMax(last_equity, quarter) AS ended_with,
            min(lowest) AS day_low,
            max(highest) AS day_high,
            min(worst_drawdown) AS day_drawdown
        FROM v_sub_period_quarters(run_id = {run_id:String})
        GROUP BY account_id, session_id, strategy_id, currency, opening, day
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
        SELECT toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id, symbol
        FROM fills
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id, symbol
    ),
    quoted AS
    (
        SELECT account_id, session_id, groupUniqArray(day) AS market_days
        FROM traded
        INNER JOIN market USING (symbol)
        GROUP BY account_id, session_id
    ),
    periods AS
    (
        SELECT
            account_id, session_id, strategy_id, currency, opening,
            any(opened_with) AS opening_cash,
            min(day) AS first_day,
            max(day) AS last_day,
            sum(day_closings) > 0 OR opening < max(opening) OVER (PARTITION BY account_id) AS is_closed,
            groupArray((day, day_records > 0, ended_with, day_low, day_high, day_drawdown)) AS recorded_days
        FROM recorded
        GROUP BY account_id, session_id, strategy_id, currency, opening
    ),
    days AS
    (
        SELECT
            account_id, session_id, strategy_id, currency, opening, item.1 AS day,
            any(opening_cash) AS opening_cash,
            max(item.2) AS day_counts,
            anyLast(item.3) AS ending,
            min(item.4) AS low,
            max(item.5) AS high,
            min(item.6) AS day_drawdown
        FROM periods
        LEFT JOIN quoted USING (account_id, session_id)
        ARRAY JOIN arrayConcat(
            CAST(recorded_days, 'Array(Tuple(Date, Bool, Nullable(Decimal(38, 18)), Nullable(Decimal(38, 18)),
                Nullable(Decimal(38, 18)), Nullable(Float64)))'),
            arrayMap(market_day -> (market_day, true, NULL, NULL, NULL, NULL), arrayFilter(
                market_day -> market_day > first_day AND (NOT is_closed OR market_day <= last_day), market_days))) AS item
        GROUP BY account_id, session_id, strategy_id, currency, opening, day
    )
SELECT
    account_id, session_id, strategy_id, currency, opening, day,
    opening_cash,
    ifNull(ended_before, opening_cash) AS start_equity,
    assumeNotNull(end_known) AS end_equity,
    ifNull(low, end_equity) AS lowest,
    ifNull(high, end_equity) AS highest,
    ifNull(day_drawdown, 0.) AS worst_drawdown
FROM
(
    SELECT
        *,
        anyLast(ending) OVER (
            PARTITION BY account_id, opening ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS end_known,
        anyLast(ending) OVER (
            PARTITION BY account_id, opening ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before
    FROM days
)
WHERE day_counts;

-- The sessions of what is asked for, as in 0010; a session that was opened again for another strategy is one session.
CREATE OR REPLACE VIEW v_scope AS
SELECT DISTINCT scope_id, account_id, session_id, currency
FROM
(
    SELECT
        multiIf({scope:String} = 'account', account_id, {scope:String} = 'strategy', strategy_id,
            session_id != '' AND uniqExact(account_id) OVER (PARTITION BY session_id) > 1, full_name,
            session_id) AS scope_id,
        concat(account_id, '/', session_id) AS full_name,
        {scope:String} = 'session' AND session_id != '' AND {scope_id:String} = full_name AS named_in_full,
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
WHERE scope_id != '' AND ({scope_id:String} = '' OR scope_id = {scope_id:String} OR named_in_full);

-- The days of what is asked for.
--   day_start, day_end: sums over its accounts; day_pnl: without external cash flows. day_growth: 1 + the return of the
--   day; NULL if a sub-period starts it with equity of 0 or less, except one that was opened with 0 and earns nothing.
--   The returns of accounts are weighted by the equity that they begin the day with and what is deposited on it (asset-
--   weighted composite, GIPS 2020). day_drawdown: the lowest index of linked returns of one account against its peak, over
--   the day's records.
CREATE OR REPLACE VIEW v_scope_days AS
WITH
    accounts AS
    (
        SELECT
            scope_id, currency, account_id,
            arraySort(item -> (item.1, item.2), groupArray((day, opening, opening_cash, start_equity, end_equity,
                toFloat64(start_equity), toFloat64(end_equity), toFloat64(lowest), toFloat64(highest), worst_drawdown)))
                AS items,
            paper_wealth(paper_period_returns(arrayMap(item -> (item.2, item.6, item.7), items))) AS index,
            arrayMap((item, value) -> if(item.6 > 0, value * item.9 / item.6, value), items, arrayPopBack(index)) AS tops,
            arrayMap((item, value, peak) -> least(item.10, if(item.6 > 0, value * item.8 / item.6, value) / peak - 1),
                items, arrayPopBack(index), arrayPopBack(paper_peaks(arrayPushFront(tops, 1.)))) AS troughs
        FROM v_session_days(run_id = {run_id:String}, time_zone = {time_zone:String}) AS session_days
        INNER JOIN v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String}) AS sessions
            ON session_days.account_id = sessions.account_id AND session_days.session_id = sessions.session_id
                AND session_days.currency = sessions.currency
        WHERE {scope:String} != 'strategy' OR session_days.strategy_id = sessions.scope_id
        GROUP BY scope_id, currency, session_days.account_id AS account_id
    )
SELECT
    scope_id, currency, day,
    sum(account_start) AS day_start,
    sum(account_end) AS day_end,
    sum(account_pnl) AS day_pnl,
    if(min(has_growth), if(sum(capital) > 0, sum(capital * growth) / sum(capital), 1.), NULL) AS day_growth,
    min(account_drawdown) AS day_drawdown
FROM
(
    SELECT
        scope_id, currency, account_id, item.1 AS day,
        argMin(item.4, item.2) AS account_start,
        argMax(item.5, item.2) AS account_end,
        sum(item.5 - item.4) AS account_pnl,
        min(item.4 > 0 OR (item.3 = 0 AND item.4 = 0 AND item.5 = 0)) AS has_growth,
        arraySort(groupArray((item.2, item.6, item.7))) AS periods,
        paper_linked_growth(periods) AS growth,
        paper_day_capital(periods) AS capital,
        min(trough) AS account_drawdown
    FROM accounts
    ARRAY JOIN items AS item, troughs AS trough
    GROUP BY scope_id, currency, account_id, day
)
GROUP BY scope_id, currency, day;
