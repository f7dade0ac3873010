-- Order types beyond market and limit, book levels, splits, and why a fill came about.

ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS stop_price Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS trailing_offset Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS trailing_type LowCardinality(String) DEFAULT 'UNKNOWN',
    ADD COLUMN IF NOT EXISTS expire_ts Nullable(DateTime64(9, 'UTC')),
    ADD COLUMN IF NOT EXISTS post_only Bool,
    ADD COLUMN IF NOT EXISTS reduce_only Bool,
    ADD COLUMN IF NOT EXISTS display_quantity Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS parent_order_id Nullable(String),
    ADD COLUMN IF NOT EXISTS oco_group Nullable(String);

ALTER TABLE orders_approved
    ADD COLUMN IF NOT EXISTS stop_price Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS trailing_offset Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS trailing_type LowCardinality(String) DEFAULT 'UNKNOWN',
    ADD COLUMN IF NOT EXISTS expire_ts Nullable(DateTime64(9, 'UTC')),
    ADD COLUMN IF NOT EXISTS post_only Bool,
    ADD COLUMN IF NOT EXISTS reduce_only Bool,
    ADD COLUMN IF NOT EXISTS display_quantity Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS parent_order_id Nullable(String),
    ADD COLUMN IF NOT EXISTS oco_group Nullable(String);

ALTER TABLE market_data
    ADD COLUMN IF NOT EXISTS book_bids Array(Int64),
    ADD COLUMN IF NOT EXISTS book_asks Array(Int64),
    ADD COLUMN IF NOT EXISTS book_px Array(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS book_sz Array(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS split_to Array(Int64),
    ADD COLUMN IF NOT EXISTS split_of Array(Int64);

ALTER TABLE executions
    ADD COLUMN IF NOT EXISTS stop_price Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS model LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS latency_ns Nullable(Int64),
    ADD COLUMN IF NOT EXISTS book_age_ns Nullable(Int64),
    ADD COLUMN IF NOT EXISTS queue_ahead Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS trade_px Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS trade_sz Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS arrival_px Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS slippage_mid Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS slippage_arrival Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS split_to Nullable(Int64),
    ADD COLUMN IF NOT EXISTS split_of Nullable(Int64);

ALTER TABLE order_results
    ADD COLUMN IF NOT EXISTS stop_price Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS fix_reason Nullable(Int32);

ALTER TABLE fills
    ADD COLUMN IF NOT EXISTS trade_px Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS slippage_mid Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS slippage_arrival Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS fx_rate Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS account_currency LowCardinality(Nullable(String));

ALTER TABLE marks
    ADD COLUMN IF NOT EXISTS split_to Nullable(Int64),
    ADD COLUMN IF NOT EXISTS split_of Nullable(Int64);

ALTER TABLE account_equity
    ADD COLUMN IF NOT EXISTS borrow_fees Decimal(38, 18),
    ADD COLUMN IF NOT EXISTS gross_exposure Nullable(Decimal(38, 18)),
    ADD COLUMN IF NOT EXISTS buying_power Nullable(Decimal(38, 18));

ALTER TABLE positions
    ADD COLUMN IF NOT EXISTS borrow_fees Decimal(38, 18);

-- The levels of each book update: level 1 is the best of its side.
CREATE OR REPLACE VIEW v_levels AS
SELECT
    run_id,
    symbol,
    ts,
    level <= bids AS is_bid,
    if(is_bid, level, level - bids) AS level_of_side,
    prices[level] AS px,
    level_sizes[level] AS sz,
    partition,
    offset
FROM
(
    SELECT
        run_id,
        symbol,
        partition,
        offset,
        book.1 AS ts,
        book.2 AS bids,
        arraySlice(book_px, book.4 + 1, book.2 + book.3) AS prices,
        arraySlice(book_sz, book.4 + 1, book.2 + book.3) AS level_sizes
    FROM
    (
        SELECT
            run_id, symbol, partition, offset, book_px, book_sz,
            arrayFilter((t, kind) -> kind = 'B', times, splitByString('', kinds)) AS book_times,
            arrayMap((bid_levels, ask_levels) -> bid_levels + ask_levels, book_bids, book_asks) AS sizes,
            arrayMap((end, size) -> end - size, arrayCumSum(sizes), sizes) AS starts,
            arrayZip(book_times, book_bids, book_asks, starts) AS books
        FROM market_data
        WHERE length(kinds) = length(times)
            AND countSubstrings(kinds, 'B') = length(book_bids)
            AND length(book_bids) = length(book_asks)
            AND length(book_px) = arraySum(book_bids) + arraySum(book_asks)
            AND length(book_px) = length(book_sz)
            AND notEmpty(book_bids)
    )
    ARRAY JOIN books AS book
)
ARRAY JOIN arrayEnumerate(prices) AS level;

-- The best prices that the market told, by quotes and by book updates.
CREATE OR REPLACE VIEW v_tops AS
SELECT run_id, symbol, ts, bid_px, bid_sz, ask_px, ask_sz, partition, offset
FROM v_quotes
UNION ALL
SELECT
    run_id,
    symbol,
    ts,
    maxIf(px, is_bid) AS bid_px,
    CAST(maxIf(sz, is_bid AND level_of_side = 1) AS Nullable(Decimal(18, 9))) AS bid_sz,
    maxIf(px, NOT is_bid AND level_of_side = 1) AS ask_px,
    CAST(maxIf(sz, NOT is_bid AND level_of_side = 1) AS Nullable(Decimal(18, 9))) AS ask_sz,
    partition,
    offset
FROM v_levels
GROUP BY run_id, symbol, ts, partition, offset;
