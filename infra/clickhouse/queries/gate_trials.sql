-- How many strategies were tried before this one, itself included: as last declared, or one and every variant of it that was
-- re-simulated (a run that changed nothing is none), whichever is more. The variance of their Sharpe ratios a day is as
-- declared. NULL: neither. strategy_id.
WITH
    (
        SELECT (trials, trials_variance)
        FROM gate_decisions FINAL
        WHERE run_id = {run_id:String} AND strategy_id = {strategy_id:String} AND kind = 'TRIALS'
        ORDER BY offset DESC
        LIMIT 1
    ) AS declared,
    (
        SELECT uniqExact(what_if_sha256)
        FROM replay_runs FINAL
        WHERE has(strategies, {strategy_id:String}) AND what_if != '{}'
    ) AS variants
SELECT
    if(variants = 0, declared.1, greatest(ifNull(declared.1, 0), toUInt32(variants + 1))) AS trials,
    declared.2 AS trials_variance
