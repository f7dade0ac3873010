-- Open positions of a session, an account or a strategy at the last mark, with its age.
--   mark: middle of the last quote, rounded half even to 1e-9, or its only side, as the account shard marks. It is in the
--   instrument's currency. Amounts are in the account's currency, by the rate and
--   the contract multiplier of the symbol's last fill.
--   mark_age_seconds: age at the latest market time of the run. Both are NULL without a mark.
--   scope, scope_id: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    held AS
    (
        SELECT account_id, symbol, argMax((assumeNotNull(session_id), quantity, cost, avg_px), offset) AS newest
        FROM positions
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, symbol
        HAVING newest.2 != 0
    ),
    rates AS
    (
        SELECT account_id, symbol, argMax((fx_rate, contract_multiplier), offset) AS last
        FROM fills
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
        GROUP BY account_id, symbol
    ),
    quoted AS
    (
        SELECT symbol, max(ts) AS mark_ts, argMax((bid_px, ask_px), (ts, offset)) AS sides
        FROM marks
        WHERE run_id = {run_id:String} AND kind = 'QUOTE' AND (bid_px IS NOT NULL OR ask_px IS NOT NULL)
            AND symbol IN (SELECT symbol FROM held)
        GROUP BY symbol
    )
SELECT
    scope_id,
    currency,
    held.account_id AS account_id,
    held.symbol AS symbol,
    newest.2 AS quantity,
    newest.4 AS average_price,
    newest.3 AS cost,
    multiIf(sides.1 IS NULL, sides.2, sides.2 IS NULL, sides.1,
        toDecimal64(roundBankers((toDecimal128(sides.1, 18) + toDecimal128(sides.2, 18)) / 2, 9), 9)) AS mark,
    mark_ts,
    (toUnixTimestamp64Nano((SELECT max(ts) FROM marks WHERE run_id = {run_id:String}))
        - toUnixTimestamp64Nano(mark_ts)) / 1e9 AS mark_age_seconds,
    paper_converted(paper_converted(toDecimal128(newest.2, 9) * mark, rates.last.2), rates.last.1) AS position_value,
    position_value - newest.3 AS unrealised_pnl
FROM held
INNER JOIN scoped ON held.account_id = scoped.account_id AND held.newest.1 = scoped.session_id
LEFT JOIN rates ON held.account_id = rates.account_id AND held.symbol = rates.symbol
LEFT JOIN quoted ON held.symbol = quoted.symbol
ORDER BY scope_id, currency, account_id, symbol
SETTINGS join_use_nulls = 1
