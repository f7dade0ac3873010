-- Cuts through a run's tables: who asks for the same cut again reads the same records.
--   cut: its name, a digest of run_id and ends. ends: by topic, the last offset of each partition; -1 for none.
CREATE TABLE IF NOT EXISTS cuts (
    run_id LowCardinality(String),
    cut String,
    ends Map(String, Array(Int64)),
    noted DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(noted)
ORDER BY (run_id, cut)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Archives that were exported, with the hash of each manifest, by which a forged archive is found out.
CREATE TABLE IF NOT EXISTS archives (
    run_id LowCardinality(String),
    manifest_sha256 String,
    records UInt64,
    files UInt32,
    code_version LowCardinality(String),
    exported_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (run_id, exported_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE gate_decisions ADD COLUMN IF NOT EXISTS cut Nullable(String);
