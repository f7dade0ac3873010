-- In each record: equity = cash + position value, and the drawdown counts from the peak.
SELECT
    count() AS checked,
    countIf(wrong) AS different,
    groupArrayIf(20)(concat('account ', account_id, ' at ', toString(ts), ': equity or drawdown is off'), wrong)
        AS differences
FROM
(
    SELECT
        account_id,
        ts,
        equity != cash + position_value OR drawdown != equity - peak OR peak_equity != peak AS wrong
    FROM
    (
        SELECT
            *,
            max(equity) OVER (PARTITION BY account_id, session_id ORDER BY offset) AS peak
        FROM account_equity
        WHERE run_id = {run_id:String}
    )
)
