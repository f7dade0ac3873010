-- market_data as people think of it: a row for each quote, and for each trade.
--   A record whose columns do not have a row for each update is left out: one of them would break the whole view.
--   A size of -1e-9 (the integer -1) says that the source has no sizes: NULL.

CREATE OR REPLACE VIEW v_quotes AS
SELECT
    run_id,
    symbol,
    quote.1 AS ts,
    quote.2 AS bid_px,
    nullIf(quote.3, toDecimal64('-0.000000001', 9)) AS bid_sz,
    quote.4 AS ask_px,
    nullIf(quote.5, toDecimal64('-0.000000001', 9)) AS ask_sz,
    partition,
    offset
FROM
(
    SELECT
        run_id,
        symbol,
        partition,
        offset,
        arrayFilter((t, kind) -> kind = 'Q', times, splitByString('', kinds)) AS quote_times,
        arrayZip(quote_times, bid_px, bid_sz, ask_px, ask_sz) AS quotes
    FROM market_data
    WHERE length(kinds) = length(times)
        AND countSubstrings(kinds, 'Q') = length(bid_px)
        AND length(bid_px) = length(bid_sz)
        AND length(bid_px) = length(ask_px)
        AND length(bid_px) = length(ask_sz)
)
ARRAY JOIN quotes AS quote;

CREATE OR REPLACE VIEW v_trades AS
SELECT
    run_id,
    symbol,
    trade.1 AS ts,
    trade.2 AS px,
    trade.3 AS sz,
    trade.4 AS aggressor,
    partition,
    offset
FROM
(
    SELECT
        run_id,
        symbol,
        partition,
        offset,
        arrayFilter((t, kind) -> kind = 'T', times, splitByString('', kinds)) AS trade_times,
        arrayZip(trade_times, trade_px, trade_sz, splitByString('', aggressors)) AS trades
    FROM market_data
    WHERE length(kinds) = length(times)
        AND countSubstrings(kinds, 'T') = length(trade_px)
        AND length(trade_px) = length(trade_sz)
        AND length(trade_px) = length(aggressors)
)
ARRAY JOIN trades AS trade;
