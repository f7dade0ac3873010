-- A session id that several accounts have used is no scope: each is asked for, and told apart, as ACCOUNT/SESSION.

-- The sessions of what is asked for. scope: session, account or strategy; scope_id: which one, empty for all. A session is
-- named by its id, or by ACCOUNT/SESSION, which is also how one is called whose id other accounts have used in the run.
CREATE OR REPLACE VIEW v_scope AS
SELECT scope_id, account_id, session_id, currency
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
