-- Fills of a session in the order of booking; every n-th fill if there are more than so many. all: number of all fills.
--   price: in the instrument's currency. slippage_mid_bps: against the middle at the fill; positive if the trader paid.
SELECT time, symbol, side, quantity, price, liquidity, realised_pnl, slippage_mid_bps, all
FROM
(
    SELECT
        ts AS time, symbol, side, quantity, price, liquidity, realised_pnl, offset,
        paper_ratio(slippage_mid, price) * 1e4 AS slippage_mid_bps,
        row_number() OVER (ORDER BY offset) AS number,
        count() OVER () AS all
    FROM fills FINAL
    WHERE run_id = {run_id:String} AND account_id = {account_id:String} AND session_id = {session_id:String}
)
WHERE (number - 1) % greatest(intDiv(all - 1, {points:UInt32}) + 1, 1) = 0
ORDER BY offset
