-- Kill switch, breakers, live mode and sessions: what orders and decisions say of them, and the two topics that carry them.

ALTER TABLE orders ADD COLUMN IF NOT EXISTS mode LowCardinality(String) DEFAULT 'PAPER';

ALTER TABLE orders_approved ADD COLUMN IF NOT EXISTS mode LowCardinality(String) DEFAULT 'PAPER';

ALTER TABLE controls
    ADD COLUMN IF NOT EXISTS symbol LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS breaker LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS instruments Nullable(String),
    ADD COLUMN IF NOT EXISTS settings_sha256 Nullable(String),
    ADD COLUMN IF NOT EXISTS flatten Bool,
    ADD COLUMN IF NOT EXISTS authorisation Nullable(String);

ALTER TABLE risk_events
    ADD COLUMN IF NOT EXISTS strategy_id LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS symbol LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS breaker LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS breaker_state LowCardinality(String) DEFAULT 'UNKNOWN',
    ADD COLUMN IF NOT EXISTS window Nullable(String),
    ADD COLUMN IF NOT EXISTS cause Nullable(String);

ALTER TABLE order_results
    ADD COLUMN IF NOT EXISTS poss_resend Bool,
    ADD COLUMN IF NOT EXISTS breaker LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS breaker_event_id Nullable(String);

CREATE TABLE IF NOT EXISTS desk (
    run_id LowCardinality(String),
    partition Int32,
    offset Int64,
    kafka_timestamp DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    shard LowCardinality(String),
    currency LowCardinality(Nullable(String)),
    equity Nullable(Decimal(38, 18)),
    opening_cash Nullable(Decimal(38, 18)),
    realised_pnl Nullable(Decimal(38, 18)),
    orders Int32,
    cancels Int32,
    business_rejects Int32,
    technical_failures Int32,
    breaker LowCardinality(Nullable(String)),
    breaker_state LowCardinality(String),
    event_id Nullable(String),
    text Nullable(String),
    ts DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, shard, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS orders_live (
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
    ts DateTime64(9, 'UTC'),
    stop_price Nullable(Decimal(18, 9)),
    trailing_offset Nullable(Decimal(18, 9)),
    trailing_type LowCardinality(String) DEFAULT 'UNKNOWN',
    expire_ts Nullable(DateTime64(9, 'UTC')),
    post_only Bool,
    reduce_only Bool,
    display_quantity Nullable(Decimal(18, 9)),
    parent_order_id Nullable(String),
    oco_group Nullable(String),
    mode LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (run_id, symbol, order_id, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
