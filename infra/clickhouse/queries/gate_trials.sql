-- How many strategies were tried before this one, itself included, and the variance of their Sharpe ratios a day: as last
-- declared; no row where never. strategy_id.
SELECT trials, trials_variance
FROM gate_decisions FINAL
WHERE run_id = {run_id:String} AND strategy_id = {strategy_id:String} AND kind = 'TRIALS'
ORDER BY offset DESC
LIMIT 1
