-- How much of a strategy's profit its best day made: greatest daily change of equity / sum of all; NULL without profit.
--   strategy_id, time_zone of days; a row for each currency.
SELECT currency, if(sum(pnl) > 0, paper_ratio(max(pnl), sum(pnl)), NULL) AS best_day_share
FROM
(
    SELECT currency, day, sum(end_equity - start_equity) AS pnl
    FROM v_session_days(run_id = {run_id:String}, time_zone = {time_zone:String}) AS session_days
    INNER JOIN v_scopes AS scopes USING (account_id, session_id)
    WHERE scopes.run_id = {run_id:String} AND scope = 'strategy' AND scope_id = {strategy_id:String}
    GROUP BY currency, day
)
GROUP BY currency
ORDER BY currency
