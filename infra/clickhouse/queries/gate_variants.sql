-- The variants of strategies that have traded in a run, each with the Sharpe ratio of its days.
--   A variant is the code and the parameters that a session was opened with; both are empty if it named none. The nth
--   SESSION_OPENED of an account is its nth opening. Returns are linked and weighted over the variant's accounts as in
--   v_scope_days. days: days with a return. daily_sharpe: NULL if it is undefined. Parameters: run_id, time_zone.
WITH
    commands AS
    (
        SELECT
            control_id,
            any(ifNull(toString(controls.code_sha256), '')) AS code_sha256,
            any(ifNull(controls.parameters, '')) AS parameters
        FROM controls
        WHERE run_id = {run_id:String} AND kind = 'SESSION_OPEN'
        GROUP BY control_id
    ),
    answers AS
    (
        SELECT
            toString(account_id) AS account_id, ifNull(control_id, '') AS control_id,
            row_number() OVER (PARTITION BY account_id ORDER BY offset) AS number
        FROM risk_events FINAL
        WHERE run_id = {run_id:String} AND kind = 'SESSION_OPENED'
    ),
    openings AS
    (
        SELECT account_id, opening, row_number() OVER (PARTITION BY account_id ORDER BY opening) AS number
        FROM v_openings(run_id = {run_id:String})
    ),
    named AS
    (
        SELECT openings.account_id AS account_id, openings.opening AS opening, code_sha256, parameters
        FROM openings
        LEFT JOIN answers ON openings.account_id = answers.account_id AND openings.number = answers.number
        LEFT JOIN commands ON answers.control_id = commands.control_id
    ),
    accounts AS
    (
        SELECT
            strategy_id, code_sha256, parameters, currency, account_id, day,
            min(start_equity > 0 OR (opening_cash = 0 AND start_equity = 0 AND end_equity = 0)) AS has_growth,
            arraySort(groupArray((opening, toFloat64(start_equity), toFloat64(end_equity)))) AS periods
        FROM v_session_days(run_id = {run_id:String}, time_zone = {time_zone:String}) AS session_days
        INNER JOIN named ON session_days.account_id = named.account_id AND session_days.opening = named.opening
        WHERE strategy_id != ''
        GROUP BY strategy_id, code_sha256, parameters, currency, session_days.account_id AS account_id, day
    ),
    days AS
    (
        SELECT
            strategy_id, code_sha256, parameters, currency, day, min(has_growth) AS day_has_growth,
            if(sum(paper_day_capital(periods)) > 0,
                sum(paper_day_capital(periods) * paper_linked_growth(periods)) / sum(paper_day_capital(periods)), 1.)
                AS growth
        FROM accounts
        GROUP BY strategy_id, code_sha256, parameters, currency, day
    )
SELECT
    strategy_id, code_sha256, parameters, currency,
    toUInt32(count()) AS days,
    if(min(day_has_growth), paper_sharpe(arrayMap(pair -> pair.2, arraySort(groupArray((day, growth - 1))))), NULL)
        AS daily_sharpe
FROM days
GROUP BY strategy_id, code_sha256, parameters, currency
ORDER BY strategy_id, code_sha256, parameters, currency
SETTINGS join_use_nulls = 0
