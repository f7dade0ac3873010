-- Number of strategies that were tried before this one was chosen, itself included, and the variance of their Sharpe ratios.
--   trials: the declared number, or one more than the variants of the strategy that were re-simulated, whichever is
--   larger. A run that changed nothing is no variant. trials_variance: as declared, of daily Sharpe ratios.
--   NULL if neither is known. Parameters: strategy_id.
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
