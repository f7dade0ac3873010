-- What was tried and what was declared, of all strategies and over all runs; streams/evidence/gate/count_trials.py counts it.
--   source: session (an opening that a shard took), replay (a strategy of a finished re-simulation) or declared. what_if: the
--   changes of the re-simulation. Re-simulations from before 0017 name no variant. trials, trials_variance: the largest
--   that was declared.
WITH
    opened AS
    (
        SELECT DISTINCT
            run_id, ifNull(toString(strategy_id), '') AS strategy, ifNull(toString(code_sha256), '') AS code,
            ifNull(parameters, '') AS chosen
        FROM controls
        WHERE kind = 'SESSION_OPEN'
            AND (run_id, control_id) IN (
                SELECT run_id, assumeNotNull(control_id) FROM risk_events
                WHERE kind = 'SESSION_OPENED' AND control_id IS NOT NULL)
    ),
    replays AS
    (
        SELECT run_id, any(what_if) AS changes, any(strategies) AS named FROM replay_runs FINAL GROUP BY run_id
    )
SELECT *
FROM
(
    SELECT
        'session' AS source, toString(run_id) AS run_id, strategy AS strategy_id, code AS code_sha256, chosen AS parameters,
        '' AS what_if, toUInt32(0) AS days, CAST(NULL, 'Nullable(Float64)') AS daily_sharpe,
        CAST(NULL, 'Nullable(Int32)') AS trials, CAST(NULL, 'Nullable(Float64)') AS trials_variance
    FROM opened
    WHERE toString(run_id) NOT IN (SELECT run_id FROM replays)
    UNION ALL
    SELECT
        'replay', replay_variants.run_id, toString(strategy_id), toString(code_sha256), parameters, changes, days, daily_sharpe,
        NULL, NULL
    FROM replay_variants FINAL
    INNER JOIN replays ON replay_variants.run_id = replays.run_id
    UNION ALL
    SELECT 'replay', run_id, toString(strategy), '', '', changes, 0, NULL, NULL, NULL
    FROM replays
    ARRAY JOIN named AS strategy
    WHERE (run_id, toString(strategy)) NOT IN (SELECT run_id, toString(strategy_id) FROM replay_variants)
    UNION ALL
    SELECT 'declared', '', strategy_id, '', '', '', 0, NULL, max(trials), max(trials_variance)
    FROM gate_decisions FINAL
    WHERE kind = 'TRIALS'
    GROUP BY strategy_id
)
ORDER BY source, run_id, strategy_id, code_sha256, parameters, what_if
