-- After each fill, and at the end: cash = opening cash + cash flows - fees.
WITH
    opening AS
    (
        SELECT account_id, session_id, any(cash) AS opening_cash
        FROM account_equity
        WHERE run_id = {run_id:String} AND `trigger` = 'SESSION_OPEN'
        GROUP BY account_id, session_id
    ),
    last AS
    (
        SELECT account_id, session_id, argMax(cash, offset) AS last_cash
        FROM account_equity
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id
    ),
    booked AS
    (
        SELECT
            account_id,
            session_id,
            exec_id,
            cash,
            sum(if(side = 'BUY', -notional, notional) - commission)
                OVER (PARTITION BY account_id, session_id ORDER BY offset) AS flows,
            row_number() OVER (PARTITION BY account_id, session_id ORDER BY offset DESC) = 1 AS is_last
        FROM fills
        WHERE run_id = {run_id:String}
    )
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(concat('account ', account_id, ' after fill ', exec_id, ': cash is ', toString(cash),
        ', flows and fees make ', toString(expected)), wrong) AS differences
FROM
(
    SELECT
        account_id,
        exec_id,
        cash,
        opening_cash + flows AS expected,
        cash != expected OR (is_last AND last_cash != expected) AS wrong
    FROM booked
    LEFT JOIN opening USING (account_id, session_id)
    LEFT JOIN last USING (account_id, session_id)
)
