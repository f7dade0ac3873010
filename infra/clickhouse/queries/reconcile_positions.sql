-- The newest position of each account, session and symbol is the sum of its fills.
WITH
    summed AS
    (
        SELECT account_id, session_id, symbol, sum(if(side = 'BUY', quantity, -quantity)) AS filled
        FROM fills
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id, symbol
    ),
    newest AS
    (
        SELECT account_id, session_id, symbol, argMax(quantity, offset) AS held
        FROM positions
        WHERE run_id = {run_id:String}
        GROUP BY account_id, session_id, symbol
    )
SELECT
    count() AS checked,
    countIf(filled != held) AS different,
    groupArrayIf(20)(concat('account ', account_id, ': position in ', symbol, ' is ', toString(held),
        ', its fills sum to ', toString(filled)), filled != held) AS differences
FROM summed
FULL OUTER JOIN newest USING (account_id, session_id, symbol)
