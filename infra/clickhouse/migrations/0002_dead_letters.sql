-- Records that a shard or the sink refused: all topics dlq.*, with the original bytes.
--   topic, partition, offset: of the dead letter; source_*: of the record that it was.
--   headers: all of the dead letter's, with those of the original as original.NAME.
CREATE TABLE IF NOT EXISTS dead_letters (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    topic LowCardinality(String),
    record_key Nullable(String),
    record_value String,
    source_topic LowCardinality(String),
    source_partition Int32,
    source_offset Int64,
    stage LowCardinality(String),
    error_class LowCardinality(String),
    message String,
    headers Map(String, String)
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
