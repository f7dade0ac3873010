-- The topics that a run's rows come from. The first entry of a topic counts: the sink refuses any other topic or cluster.
--   cluster_id, topic_id: the ids that Kafka gave them; a topic that is created again has another id.
CREATE TABLE IF NOT EXISTS run_topics (
    run_id LowCardinality(String),
    topic LowCardinality(String),
    topic_prefix String,
    cluster_id String,
    topic_id String,
    noted DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (run_id, topic)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- How far a partition is known to be complete: all its records before end_offset have landed, and so many are rows.
--   A start of the sink counts these rows again, and compares only later offsets with Kafka.
CREATE TABLE IF NOT EXISTS complete_rows (
    run_id LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    end_offset Int64,
    rows UInt64,
    noted DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(noted)
ORDER BY (run_id, topic, partition);
