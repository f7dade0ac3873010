-- Checks each record: equity = cash + position value, and drawdown = equity - peak of the session.
SELECT
    count() AS checked,
    countIf(problem != '') AS different,
    groupArrayIf(20)(concat('account ', account_id, ' at ', toString(ts), ': ', problem), problem != '') AS differences
FROM
(
    SELECT
        account_id,
        ts,
        multiIf(
            equity != cash + position_value,
            concat('equity ', toString(equity), ' is not cash ', toString(cash),
                ' + positions ', toString(position_value)),
            peak_equity != peak OR drawdown != equity - peak,
            concat('peak ', toString(peak_equity), ' and drawdown ', toString(drawdown),
                ', the session''s peak is ', toString(peak)),
            '') AS problem
    FROM
    (
        SELECT
            *,
            max(equity) OVER (
                PARTITION BY account_id, session ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS peak
        FROM
        (
            SELECT
                *,
                countIf(`trigger` = 'SESSION_OPEN') OVER (
                    PARTITION BY account_id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS session
            FROM account_equity
            WHERE run_id = {run_id:String}
        )
    )
)
