-- One table for each topic with a schema: the record's place in Kafka, then the fields of the .avsc under their names.
--   Enums are LowCardinality(String): an Enum column would refuse blocks whose writer schema knows a symbol more.
--   Rows are the same row when (run_id, key, partition, offset) are: the place in Kafka is the identity.
--   non_replicated_deduplication_window: the sink repeats a block under its token when it can't know that it arrived.
--   fsync: the sink reads from the tables where it stands, so a block that was acknowledged must survive a power cut.

CREATE TABLE IF NOT EXISTS orders (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    action LowCardinality(String),
    order_id String,
    orig_order_id Nullable(String),
    account_id LowCardinality(String),
    strategy_id LowCardinality(Nullable(String)),
    symbol LowCardinality(String),
    side LowCardinality(String),
    order_type LowCardinality(String),
    time_in_force LowCardinality(String),
    quantity Nullable(Decimal(18, 9)),
    price Nullable(Decimal(18, 9)),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, order_id, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS orders_approved (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    action LowCardinality(String),
    order_id String,
    orig_order_id Nullable(String),
    account_id LowCardinality(String),
    strategy_id LowCardinality(Nullable(String)),
    symbol LowCardinality(String),
    side LowCardinality(String),
    order_type LowCardinality(String),
    time_in_force LowCardinality(String),
    quantity Nullable(Decimal(18, 9)),
    price Nullable(Decimal(18, 9)),
    approval_id String,
    session_id LowCardinality(Nullable(String)),
    order_ts DateTime64(9, 'UTC'),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, symbol, order_id, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS executions (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    exec_id String,
    order_id String,
    request_id Nullable(String),
    account_id LowCardinality(String),
    session_id LowCardinality(Nullable(String)),
    strategy_id LowCardinality(Nullable(String)),
    symbol LowCardinality(String),
    side LowCardinality(String),
    order_type LowCardinality(String),
    time_in_force LowCardinality(String),
    exec_type LowCardinality(String),
    ord_status LowCardinality(String),
    order_qty Nullable(Decimal(18, 9)),
    price Nullable(Decimal(18, 9)),
    last_qty Nullable(Decimal(18, 9)),
    last_px Nullable(Decimal(18, 9)),
    cum_qty Decimal(18, 9),
    leaves_qty Decimal(18, 9),
    avg_px Nullable(Decimal(18, 9)),
    commission Nullable(Decimal(38, 18)),
    liquidity LowCardinality(String),
    reason_code LowCardinality(Nullable(String)),
    text Nullable(String),
    simulator LowCardinality(Nullable(String)),
    bid_px Nullable(Decimal(18, 9)),
    bid_sz Nullable(Decimal(18, 9)),
    ask_px Nullable(Decimal(18, 9)),
    ask_sz Nullable(Decimal(18, 9)),
    quote_ts Nullable(DateTime64(9, 'UTC')),
    order_ts DateTime64(9, 'UTC'),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, order_id, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS order_results (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    result_id String,
    source LowCardinality(String),
    exec_id Nullable(String),
    order_id String,
    request_id Nullable(String),
    account_id LowCardinality(String),
    session_id LowCardinality(Nullable(String)),
    strategy_id LowCardinality(Nullable(String)),
    symbol LowCardinality(String),
    side LowCardinality(String),
    order_type LowCardinality(String),
    time_in_force LowCardinality(String),
    exec_type LowCardinality(String),
    ord_status LowCardinality(String),
    order_qty Nullable(Decimal(18, 9)),
    price Nullable(Decimal(18, 9)),
    last_qty Nullable(Decimal(18, 9)),
    last_px Nullable(Decimal(18, 9)),
    cum_qty Decimal(18, 9),
    leaves_qty Decimal(18, 9),
    avg_px Nullable(Decimal(18, 9)),
    commission Nullable(Decimal(38, 18)),
    liquidity LowCardinality(String),
    reason_code LowCardinality(Nullable(String)),
    text Nullable(String),
    limit_value Nullable(String),
    observed_value Nullable(String),
    terminal Bool,
    order_ts DateTime64(9, 'UTC'),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, order_id, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS fills (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    exec_id String,
    order_id String,
    account_id LowCardinality(String),
    session_id LowCardinality(Nullable(String)),
    strategy_id LowCardinality(Nullable(String)),
    symbol LowCardinality(String),
    side LowCardinality(String),
    quantity Decimal(18, 9),
    price Decimal(18, 9),
    notional Decimal(38, 18),
    commission Decimal(38, 18),
    currency LowCardinality(String),
    liquidity LowCardinality(String),
    realised_pnl Decimal(38, 18),
    position_qty Decimal(18, 9),
    position_avg_px Nullable(Decimal(18, 9)),
    cash Decimal(38, 18),
    simulator LowCardinality(Nullable(String)),
    bid_px Nullable(Decimal(18, 9)),
    bid_sz Nullable(Decimal(18, 9)),
    ask_px Nullable(Decimal(18, 9)),
    ask_sz Nullable(Decimal(18, 9)),
    quote_ts Nullable(DateTime64(9, 'UTC')),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, symbol, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS positions (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    account_id LowCardinality(String),
    symbol LowCardinality(String),
    session_id LowCardinality(Nullable(String)),
    quantity Decimal(18, 9),
    avg_px Nullable(Decimal(18, 9)),
    cost Decimal(38, 18),
    realised_pnl Decimal(38, 18),
    commission Decimal(38, 18),
    currency LowCardinality(String),
    exec_id Nullable(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, symbol, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS account_equity (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    account_id LowCardinality(String),
    session_id LowCardinality(Nullable(String)),
    strategy_id LowCardinality(Nullable(String)),
    trigger LowCardinality(String),
    currency LowCardinality(String),
    cash Decimal(38, 18),
    position_value Decimal(38, 18),
    equity Decimal(38, 18),
    realised_pnl Decimal(38, 18),
    unrealised_pnl Decimal(38, 18),
    commission Decimal(38, 18),
    peak_equity Decimal(38, 18),
    drawdown Decimal(38, 18),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS risk_events (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    event_id String,
    kind LowCardinality(String),
    account_id LowCardinality(String),
    session_id LowCardinality(Nullable(String)),
    order_id Nullable(String),
    control_id Nullable(String),
    code LowCardinality(Nullable(String)),
    text String,
    limit_value Nullable(String),
    observed_value Nullable(String),
    actor LowCardinality(Nullable(String)),
    reason Nullable(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, account_id, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS controls (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    control_id String,
    kind LowCardinality(String),
    account_id LowCardinality(Nullable(String)),
    session_id LowCardinality(Nullable(String)),
    strategy_id LowCardinality(Nullable(String)),
    opening_cash Nullable(Decimal(38, 18)),
    currency LowCardinality(Nullable(String)),
    trading_state LowCardinality(String),
    limits Nullable(String),
    actor LowCardinality(String),
    reason String,
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS market_data (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    ts DateTime64(9, 'UTC'),
    kinds String,
    times Array(DateTime64(9, 'UTC')),
    bid_px Array(Decimal(18, 9)),
    bid_sz Array(Decimal(18, 9)),
    ask_px Array(Decimal(18, 9)),
    ask_sz Array(Decimal(18, 9)),
    trade_px Array(Decimal(18, 9)),
    trade_sz Array(Decimal(18, 9)),
    aggressors String
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, symbol, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS marks (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    kind LowCardinality(String),
    bid_px Nullable(Decimal(18, 9)),
    bid_sz Nullable(Decimal(18, 9)),
    ask_px Nullable(Decimal(18, 9)),
    ask_sz Nullable(Decimal(18, 9)),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, symbol, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS journal_accounts (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    shard LowCardinality(String),
    sequence Int64,
    topics Array(String),
    first_offsets Array(Int64),
    last_offsets Array(Int64),
    counts Array(Int64),
    config Nullable(String),
    outputs Int64,
    outputs_crc32 Int64,
    code_version LowCardinality(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, shard, sequence, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS journal_execution (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    shard LowCardinality(String),
    sequence Int64,
    topics Array(String),
    first_offsets Array(Int64),
    last_offsets Array(Int64),
    counts Array(Int64),
    config Nullable(String),
    outputs Int64,
    outputs_crc32 Int64,
    code_version LowCardinality(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, shard, sequence, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS snapshots_accounts (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    shard LowCardinality(String),
    sequence Int64,
    journal_offset Int64,
    chunk Int32,
    chunks Int32,
    topics Array(String),
    positions Array(Int64),
    config String,
    state String,
    state_sha256 String,
    code_version LowCardinality(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, shard, sequence, chunk, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS snapshots_execution (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    shard LowCardinality(String),
    sequence Int64,
    journal_offset Int64,
    chunk Int32,
    chunks Int32,
    topics Array(String),
    positions Array(Int64),
    config String,
    state String,
    state_sha256 String,
    code_version LowCardinality(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, shard, sequence, chunk, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS test_results (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    suite LowCardinality(String),
    `case` String,
    status LowCardinality(String),
    duration_s Nullable(Float64),
    commit Nullable(String),
    text Nullable(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, suite, `case`, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS gate_decisions (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    decision_id String,
    strategy_id LowCardinality(String),
    kind LowCardinality(String),
    level LowCardinality(String),
    criteria String,
    criteria_sha256 String,
    evidence_sha256 String,
    actor LowCardinality(Nullable(String)),
    reason Nullable(String),
    expires_ts Nullable(DateTime64(9, 'UTC')),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, strategy_id, ts, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
