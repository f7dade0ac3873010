-- The economics of a strategy: what a fill earns against what it costs, how much paper capital it took, on which symbols.
--   profit_bps: net profit / traded value. stressed_profit_bps: the same with fees and slippage multiplied by
--   cost_multiple. fees_bps, slippage_bps: of the traded value, what gate_stress multiplies: only what the trader paid.
--   Slippage is against the middle at the fill, or else at the order's arrival.
--   capital: the highest opening cash of each account, summed. symbol_share: of the sum of all symbols' profits and losses,
--   each without its sign, the largest one; 1 for one symbol. NULL where nothing was traded, or nothing earned or lost.
--   One row a currency, in the account's currency. Parameters: strategy_id, time_zone of days, cost_multiple.
WITH
    scoped AS
    (
        SELECT account_id, session_id, currency FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
    ),
    done AS
    (
        SELECT
            scoped.currency AS currency, toString(symbol) AS name,
            toFloat64(paper_converted(notional, fx_rate)) AS value,
            greatest(toFloat64(paper_converted(commission, fx_rate)), 0) AS fee,
            greatest(toFloat64(ifNull(if(slippage_mid IS NULL, slippage_arrival, slippage_mid), 0)), 0)
                * toFloat64(quantity) * toFloat64(ifNull(fx_rate, 1)) AS slippage,
            toFloat64(realised_pnl) AS pnl
        FROM
        (
            SELECT *, toString(account_id) AS account, ifNull(toString(session_id), '') AS session
            FROM fills FINAL WHERE run_id = {run_id:String}
        ) AS filled
        INNER JOIN scoped ON filled.account = scoped.account_id AND filled.session = scoped.session_id
    ),
    traded AS
    (
        SELECT
            currency, sum(value) AS traded_value, sum(fee) AS fees, sum(slippage) AS slippages, uniqExact(name) AS symbols
        FROM done
        GROUP BY currency
    ),
    shares AS
    (
        SELECT currency, paper_ratio(max(abs(pnl_of_symbol)), sum(abs(pnl_of_symbol))) AS symbol_share
        FROM (SELECT currency, name, sum(pnl) AS pnl_of_symbol FROM done GROUP BY currency, name)
        GROUP BY currency
    ),
    opened AS
    (
        SELECT currency, round(sum(account_capital), 6) AS capital
        FROM
        (
            SELECT scoped.currency AS currency, scoped.account_id AS account, max(toFloat64(opening_cash)) AS account_capital
            FROM v_openings(run_id = {run_id:String}) AS openings
            INNER JOIN scoped ON openings.account_id = scoped.account_id AND openings.session_id = scoped.session_id
            GROUP BY currency, account
        )
        GROUP BY currency
    ),
    earned AS
    (
        SELECT currency, toFloat64(sum(day_pnl)) AS net_pnl
        FROM v_scope_days(
            run_id = {run_id:String}, time_zone = {time_zone:String}, scope = 'strategy', scope_id = {strategy_id:String})
        GROUP BY currency
    )
SELECT
    earned.currency AS currency,
    net_pnl,
    traded_value,
    paper_ratio(net_pnl, traded_value) * 1e4 AS profit_bps,
    paper_ratio(net_pnl - ({cost_multiple:Float64} - 1) * (fees + slippages), traded_value) * 1e4 AS stressed_profit_bps,
    paper_ratio(fees, traded_value) * 1e4 AS fees_bps,
    paper_ratio(slippages, traded_value) * 1e4 AS slippage_bps,
    capital,
    ifNull(symbols, 0) AS symbols,
    symbol_share
FROM earned
LEFT JOIN traded ON earned.currency = traded.currency
LEFT JOIN shares ON earned.currency = shares.currency
LEFT JOIN opened ON earned.currency = opened.currency
ORDER BY currency
SETTINGS join_use_nulls = 1
