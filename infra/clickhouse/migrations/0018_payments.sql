-- Funding of perpetuals and cash dividends: the market's records, the venue's notices, and what accounts received.

ALTER TABLE market_data
    ADD COLUMN IF NOT EXISTS funding_rate Array(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS funding_px Array(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS dividend Array(Decimal(18, 9));

ALTER TABLE executions
    ADD COLUMN IF NOT EXISTS funding_rate Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS funding_px Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS dividend Nullable(Decimal(18, 9));

ALTER TABLE positions
    ADD COLUMN IF NOT EXISTS funding Decimal(38, 18),
    ADD COLUMN IF NOT EXISTS dividends Decimal(38, 18);

ALTER TABLE account_equity
    ADD COLUMN IF NOT EXISTS funding Decimal(38, 18),
    ADD COLUMN IF NOT EXISTS dividends Decimal(38, 18);

-- Each payment that a position brought. funding, dividends: received, negative if paid, in the account's currency.
--   A position's record has the sums since its session opened. A payment meets an open position, so the record before is
--   of the same opening.
CREATE OR REPLACE VIEW v_payments AS
SELECT account_id, session_id, symbol, ts, funding_received AS funding, dividends_received AS dividends
FROM
(
    SELECT
        account_id, session_id, symbol, ts, exec_id,
        funding - lagInFrame(funding, 1, toDecimal128(0, 18)) OVER so_far AS funding_received,
        dividends - lagInFrame(dividends, 1, toDecimal128(0, 18)) OVER so_far AS dividends_received
    FROM positions
    WHERE run_id = {run_id:String}
    WINDOW so_far AS (PARTITION BY account_id, symbol ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
WHERE exec_id IN
(
    SELECT exec_id FROM executions WHERE run_id = {run_id:String} AND exec_type IN ('FUNDING', 'DIVIDEND')
);
