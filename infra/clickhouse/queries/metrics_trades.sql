-- Closed trades of a session, an account or a strategy; a part is the day of closing, or the instrument.
--   basis: round_trips (flat to flat, at average cost) or lots (first in, first out). The profit and loss of a trade is
--   after the fees of its fills, in the account's currency. Trades that break even are neither wins nor losses.
--   by: day, instrument or empty. scope, scope_id, time_zone: as in metrics_returns.sql.
WITH
    scoped AS
    (
        SELECT * FROM v_scope(run_id = {run_id:String}, scope = {scope:String}, scope_id = {scope_id:String})
    ),
    trades AS
    (
        SELECT account_id, session_id, symbol, opened, assumeNotNull(closed) AS ended, assumeNotNull(pnl) AS net
        FROM v_round_trips
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
            AND closed IS NOT NULL AND {basis:String} = 'round_trips'
        UNION ALL
        SELECT account_id, session_id, symbol, opened, assumeNotNull(closed), assumeNotNull(pnl)
        FROM v_lots
        WHERE run_id = {run_id:String} AND account_id IN (SELECT account_id FROM scoped)
            AND closed IS NOT NULL AND {basis:String} = 'lots'
    ),
    sums AS
    (
        SELECT
            scope_id, currency,
            multiIf({by:String} = 'day', toString(toDate(ended, {time_zone:String})),
                {by:String} = 'instrument', toString(symbol), '') AS part,
            count() AS trades,
            countIf(net > 0) AS wins,
            countIf(net < 0) AS losses,
            sum(net) AS trade_pnl,
            sumIf(net, net > 0) AS gross_profit,
            sumIf(net, net < 0) AS gross_loss,
            max(net) AS best,
            min(net) AS worst,
            paper_deviation(groupArray(toFloat64(net))) AS deviation,
            avg((toUnixTimestamp64Nano(ended) - toUnixTimestamp64Nano(opened)) / 1e9) AS holding
        FROM trades
        INNER JOIN scoped USING (account_id, session_id)
        GROUP BY scope_id, currency, part
    )
SELECT
    scope_id,
    currency,
    part,
    trades,
    wins AS winning_trades,
    losses AS losing_trades,
    trade_pnl,
    gross_profit,
    gross_loss,
    paper_ratio(wins, trades) AS hit_rate,
    paper_ratio(gross_profit, abs(gross_loss)) AS profit_factor,
    paper_ratio(trade_pnl, trades) AS expectancy,
    (1 + payoff) * hit_rate - 1 AS expectancy_ratio,
    paper_ratio(gross_profit, wins) AS average_win,
    paper_ratio(gross_loss, losses) AS average_loss,
    paper_ratio(average_win, abs(average_loss)) AS payoff,
    if(wins > 0, best, NULL) AS largest_win,
    if(losses > 0, worst, NULL) AS largest_loss,
    paper_ratio(expectancy, deviation) * sqrt(trades) AS sqn,
    holding AS holding_seconds
FROM sums
ORDER BY scope_id, currency, part
