-- Share of the best day in a strategy's profit: highest daily profit / sum of all; NULL without profit.
--   One row a currency. Parameters: strategy_id, time_zone of days.
SELECT currency, if(sum(pnl) > 0, paper_ratio(max(pnl), sum(pnl)), NULL) AS best_day_share
FROM
(
    SELECT currency, day_pnl AS pnl
    FROM v_scope_days(
        run_id = {run_id:String}, time_zone = {time_zone:String}, scope = 'strategy', scope_id = {strategy_id:String})
)
GROUP BY currency
ORDER BY currency
