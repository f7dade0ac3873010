    -- A closing order is a shard's own: MARKET, IOC, reduce-only, and its id is flatten-CAUSE-SYMBOL, from the second on with
    -- its number. The cause is a command's, a breaker's or a liquidation's on risk.events.
    causes AS
    (
        SELECT toString(account_id) AS account, if(kind IN ('BREAKER_TRANSITION', 'LIQUIDATION'), event_id, ifNull(control_id, '')) AS cause
        FROM risk_events
        WHERE run_id = {run_id:String}
            AND (kind IN ('KILLED', 'SESSION_CLOSED', 'LIQUIDATION') OR (kind = 'BREAKER_TRANSITION' AND breaker_state = 'OPEN'))
    ),
    closing AS
    (
        SELECT DISTINCT account_id, order_id, side, quantity
        FROM
        (
            SELECT
                account_id, order_id, side, quantity,
                concat('-', symbol) AS ending,
                arrayFilter(name -> startsWith(name, 'flatten-') AND endsWith(name, ending),
                    [order_id, replaceRegexpOne(order_id, '-([2-9]|1[0-9]|20)$', '')]) AS names
            FROM
            (
                SELECT account_id, order_id, symbol, side, quantity, action, order_type, time_in_force, reduce_only, run_id
                FROM orders_approved
                UNION ALL
                SELECT account_id, order_id, symbol, side, quantity, action, order_type, time_in_force, reduce_only, run_id
                FROM orders_live
            )
            WHERE run_id = {run_id:String}
                AND action = 'NEW' AND order_type = 'MARKET' AND time_in_force = 'IOC' AND reduce_only
        )
        ARRAY JOIN arrayMap(name -> substring(name, 9, length(name) - 8 - length(ending)), names) AS cause
        WHERE ((toString(account_id), cause) IN causes OR ('', cause) IN causes)
            AND (account_id, order_id) NOT IN (SELECT account_id, order_id FROM orders WHERE run_id = {run_id:String})
    ),
