-- The finished runs of `paper replay run` and `paper replay sweep`, newest first.
SELECT run_id, base_run_id, what_if, strategies, code_version, recorded_at
FROM replay_runs FINAL
ORDER BY recorded_at DESC, run_id
LIMIT {rows_max:Int64}
