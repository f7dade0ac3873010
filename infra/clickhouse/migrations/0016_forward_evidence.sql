-- Where the market came from, and whether its time passed while the broker's clock passed too: docs/gate.md.

-- Records from before have no source: it is not known.
ALTER TABLE market_data ADD COLUMN IF NOT EXISTS source LowCardinality(String);

-- The most by which the lag of a market may change within a day, and by which a fill may be booked late. Milliseconds.
CREATE OR REPLACE FUNCTION paper_pace_ms AS () -> 10000;

-- Whether a source is on a list. An entry that ends in * stands for all sources that begin so.
CREATE OR REPLACE FUNCTION paper_is_listed AS (source, listed) ->
    arrayExists(entry -> if(endsWith(entry, '*'), startsWith(source, substring(entry, 1, length(entry) - 1)), source = entry),
        listed);

-- The markets of the symbols that a run traded, by day. A record belongs to the day of its last update.
--   Lag: the broker's time of a record less the market's time of its updates. lag_max_ms, lag_min_ms: over all updates of
--   the day. market_ms: market time that passed. sources: without repetition; '' if not known.
CREATE OR REPLACE VIEW v_market_days AS
SELECT
    symbol, day,
    max(appended_ms - first_ms) AS lag_max_ms,
    min(appended_ms - last_ms) AS lag_min_ms,
    max(last_ms) - min(first_ms) AS market_ms,
    arraySort(groupUniqArray(origin)) AS sources
FROM
(
    SELECT
        toString(symbol) AS symbol, toString(source) AS origin, toDate(ts, {time_zone:String}) AS day,
        toUnixTimestamp64Milli(kafka_timestamp) AS appended_ms,
        intDiv(toUnixTimestamp64Nano(ts), 1000000) AS last_ms,
        if(empty(times), last_ms, intDiv(toUnixTimestamp64Nano(times[1]), 1000000)) AS first_ms
    FROM market_data
    WHERE run_id = {run_id:String} AND symbol IN (SELECT DISTINCT symbol FROM fills WHERE run_id = {run_id:String})
)
GROUP BY symbol, day;

-- The fills of a run with the market that they traded on. backward: why a fill is no forward evidence; empty if it is.
--   A forward fill was booked while its market passed, and the market passed as the broker's clock did. So whoever decided
--   on its order, or on a cancel of it, could not know what came later. Only the broker's times and the market's count: no
--   time that a client writes.
--   broker_day: day of the broker's clock on which the fill was booked.
CREATE OR REPLACE VIEW v_fill_evidence AS
SELECT
    toString(booked.account_id) AS account_id,
    ifNull(toString(booked.session_id), '') AS session_id,
    booked.exec_id AS exec_id,
    booked.day AS day,
    toDate(booked.kafka_timestamp, {time_zone:String}) AS broker_day,
    market_ms,
    sources,
    toUnixTimestamp64Milli(booked.kafka_timestamp) - intDiv(toUnixTimestamp64Nano(booked.ts), 1000000) AS lag_ms,
    multiIf(
        empty(sources), 'the run has no market data of it',
        lag_max_ms - lag_min_ms > paper_pace_ms(), 'market time did not pass as broker time did',
        arrayExists(source -> startsWith(source, 'live:'), sources)
            AND greatest(abs(lag_max_ms), abs(lag_min_ms)) > paper_pace_ms(), 'the live market came late',
        NOT lag_ms BETWEEN lag_min_ms - paper_pace_ms() AND lag_max_ms + paper_pace_ms(),
            'a fill was booked when its market had passed',
        '') AS backward
FROM
(
    SELECT account_id, session_id, exec_id, toString(symbol) AS symbol, kafka_timestamp, ts, toDate(ts, {time_zone:String}) AS day
    FROM fills FINAL
    WHERE run_id = {run_id:String}
) AS booked
LEFT JOIN v_market_days(run_id = {run_id:String}, time_zone = {time_zone:String}) AS market_days
    ON booked.symbol = market_days.symbol AND booked.day = market_days.day
SETTINGS join_use_nulls = 0;
