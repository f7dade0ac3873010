-- External cash flows of a run's accounts in the order of market time: capital that comes or goes without a trade.
--   An opening of an account withdraws what its last session has left and deposits the opening cash (GIPS 2020, external
--   cash flow). amount: in the account's currency; a withdrawal is negative, and positive if a debt is paid off.
--   Parameters: account_id, empty for all.
WITH periods AS
(
    SELECT
        account_id, periods.session_id AS session_id, strategy_id, periods.currency AS currency, opening, opened,
        start_equity, end_equity,
        leadInFrame(opening) OVER later AS next_opening,
        leadInFrame(opened) OVER later AS next_opened
    FROM v_sub_periods(run_id = {run_id:String}) AS periods
    INNER JOIN v_openings(run_id = {run_id:String}) AS openings USING (account_id, opening)
    WHERE {account_id:String} IN ('', account_id)
    WINDOW later AS (PARTITION BY account_id ORDER BY opening ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
)
SELECT time, account_id, session_id, strategy_id, reason, amount, currency
FROM
(
    SELECT
        opened AS time, opening AS at, account_id, session_id, strategy_id, 'DEPOSIT' AS reason, start_equity AS amount,
        currency
    FROM periods
    UNION ALL
    SELECT next_opened, next_opening, account_id, session_id, strategy_id, 'WITHDRAWAL', -end_equity, currency
    FROM periods
    WHERE next_opening > opening
)
ORDER BY time, account_id, at, reason DESC
