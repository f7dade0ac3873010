-- The newest session of a strategy in a run, by the broker's clock: whom a decision holds for. Parameters: strategy_id, and
-- account_id to ask for one account, else empty.
SELECT account_id, session_id, code_sha256, parameters
FROM
(
    SELECT
        toString(account_id) AS account_id, ifNull(toString(session_id), '') AS session_id, control_id,
        kafka_timestamp AS opened, offset AS place
    FROM risk_events
    WHERE run_id = {run_id:String} AND kind = 'SESSION_OPENED' AND strategy_id = {strategy_id:String}
        AND ({account_id:String} = '' OR account_id = {account_id:String})
) AS opened
LEFT JOIN
(
    SELECT control_id, any(toNullable(toString(controls.code_sha256))) AS code_sha256, any(controls.parameters) AS parameters
    FROM controls
    WHERE run_id = {run_id:String} AND kind = 'SESSION_OPEN'
    GROUP BY control_id
) AS asked USING (control_id)
ORDER BY opened.opened DESC, opened.place DESC, account_id
LIMIT 1
SETTINGS join_use_nulls = 1
