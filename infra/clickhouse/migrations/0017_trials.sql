-- Who traded in re-simulations: the code and the parameters of each strategy of a run, with its results.
--   code_sha256, parameters: empty if the session named none. daily_sharpe: NULL without two different returns.

CREATE TABLE IF NOT EXISTS replay_variants (
    run_id String,
    strategy_id LowCardinality(String),
    code_sha256 LowCardinality(String),
    parameters String,
    currency LowCardinality(String),
    days UInt32,
    daily_sharpe Nullable(Float64),
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (run_id, strategy_id, code_sha256, parameters, currency)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
