-- Every fill used a quote of market.data; none came between it and the fill; the price is not better than the quote.
WITH
    used AS
    (
        SELECT
            exec_id, order_id, symbol, side, price, ts,
            ifNull(quote_ts, toDateTime64(0, 9, 'UTC')) AS quote_ts,
            ifNull(bid_px, toDecimal64(0, 9)) AS bid,
            ifNull(ask_px, toDecimal64(0, 9)) AS ask
        FROM fills
        WHERE run_id = {run_id:String}
    ),
    quotes AS
    (
        SELECT
            symbol,
            ts,
            groupUniqArray((if(bid_sz = 0, toDecimal64(0, 9), bid_px), if(ask_sz = 0, toDecimal64(0, 9), ask_px))) AS sides
        FROM v_quotes
        WHERE run_id = {run_id:String}
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'market.data'
            )
        GROUP BY symbol, ts
    ),
    with_quote AS
    (
        SELECT used.*, quotes.sides AS sides
        FROM used
        LEFT JOIN quotes ON used.symbol = quotes.symbol AND used.quote_ts = quotes.ts
    )
SELECT
    count() AS checked,
    countIf(problem != '') AS different,
    groupArrayIf(20)(concat('fill ', exec_id, ' of order ', order_id, ': ', problem), problem != '') AS differences
FROM
(
    SELECT
        exec_id,
        order_id,
        multiIf(
            NOT has(with_quote.sides, (bid, ask)),
            'its quote is not in market.data',
            {event_time:Bool} AND newest.ts > with_quote.quote_ts,
            'its quote was followed by another before the fill',
            side = 'BUY' AND (ask = 0 OR price < ask),
            'its price is better than the ask',
            side = 'SELL' AND (bid = 0 OR price > bid),
            'its price is better than the bid',
            '') AS problem
    FROM with_quote
    ASOF LEFT JOIN (SELECT symbol, ts FROM quotes) AS newest
        ON with_quote.symbol = newest.symbol AND with_quote.ts > newest.ts
)
