-- Re-simulations: what each run changed, and hashes by which equal runs are known. Its records stand in the topics' tables under its run_id.

CREATE TABLE IF NOT EXISTS replay_runs (
    run_id String,
    base_run_id LowCardinality(String),
    what_if String,
    what_if_sha256 String,
    strategies Array(LowCardinality(String)),
    inputs UInt64,
    outputs UInt64,
    outputs_sha256 String,
    code_version LowCardinality(String),
    recorded_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY run_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
