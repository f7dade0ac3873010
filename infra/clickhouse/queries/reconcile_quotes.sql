-- Checks that every fill used a quote (or the best book levels) of market.data, and that no quote came between it and the
-- fill. A fill that took liquidity is not better than the quote. A fill that added liquidity was met by the opposite side
-- or by a trade that came to its price.
WITH
    used AS
    (
        SELECT
            exec_id, order_id, symbol, side, price, ts, bid_px, ask_px, liquidity, trade_px,
            ifNull(quote_ts, toDateTime64(0, 9, 'UTC')) AS quote_ts
        FROM fills
        WHERE run_id = {run_id:String} AND NOT startsWith(exec_id, 'settlement-')
    ),
    quotes AS
    (
        SELECT symbol, ts, bid_px, bid_sz, ask_px, ask_sz
        FROM v_tops
        WHERE run_id = {run_id:String}
            AND symbol IN (SELECT symbol FROM used)
            AND (partition, offset) NOT IN
            (
                SELECT source_partition, source_offset FROM dead_letters
                WHERE run_id = {run_id:String} AND source_topic = 'market.data' AND stage != 'sink'
            )
    ),
    named AS
    (
        -- A side of size 0 is absent; an unknown size is NULL.
        SELECT
            symbol,
            ts,
            groupUniqArray((
                if(ifNull(bid_sz = 0, false), NULL, bid_px), if(ifNull(ask_sz = 0, false), NULL, ask_px))) AS sides
        FROM quotes
        WHERE (symbol, ts) IN (SELECT symbol, quote_ts FROM used)
        GROUP BY symbol, ts
    ),
    traded AS
    (
        SELECT DISTINCT symbol, px, if({event_time:Bool}, ts, toDateTime64(0, 9, 'UTC')) AS at
        FROM v_trades
        WHERE run_id = {run_id:String} AND (symbol, px) IN (SELECT symbol, assumeNotNull(trade_px) FROM used)
    ),
    with_quote AS
    (
        SELECT used.*, named.sides AS sides
        FROM used
        LEFT JOIN named ON used.symbol = named.symbol AND used.quote_ts = named.ts
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
            toUnixTimestamp64Nano(with_quote.quote_ts) = 0,
            'it names no quote',
            NOT has(with_quote.sides, (bid_px, ask_px)),
            concat('its quote of ', toString(with_quote.quote_ts), ' is not in market.data'),
            {event_time:Bool} AND with_quote.ts < with_quote.quote_ts,
            concat('its quote of ', toString(with_quote.quote_ts),
                ' is later than the fill at ', toString(with_quote.ts)),
            {event_time:Bool} AND newest.ts > with_quote.quote_ts,
            concat('its quote of ', toString(with_quote.quote_ts), ' was followed by one of ', toString(newest.ts),
                ' before the fill at ', toString(with_quote.ts)),
            liquidity = 'ADDED' AND trade_px IS NOT NULL,
            multiIf(
                (symbol, assumeNotNull(trade_px), if({event_time:Bool}, ts, toDateTime64(0, 9, 'UTC')))
                    NOT IN (SELECT symbol, px, at FROM traded),
                concat('its trade at ', toString(assumeNotNull(trade_px)), ' is not in market.data'),
                if(side = 'BUY', trade_px > price, trade_px < price),
                concat('its trade at ', toString(assumeNotNull(trade_px)), ' did not come to its price ', toString(price)),
                ''),
            if(side = 'BUY', ask_px, bid_px) IS NULL,
            'there was no opposite side',
            if(side = 'BUY', price < ask_px, price > bid_px),
            concat('price ', toString(price), ' is better than the market''s ',
                toString(assumeNotNull(if(side = 'BUY', ask_px, bid_px)))),
            '') AS problem
    FROM with_quote
    ASOF LEFT JOIN (SELECT symbol, ts FROM quotes) AS newest
        ON with_quote.symbol = newest.symbol AND with_quote.ts > newest.ts
)
