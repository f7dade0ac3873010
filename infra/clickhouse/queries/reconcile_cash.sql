-- Checks each fill and equity record: cash = opening cash of the session + cash flows - fees, borrow fees included, with
-- funding and dividends.
-- A fill of contracts counts its contract_multiplier. A fill in another currency is converted at its own rate; notional and commission are each rounded half even.
-- An account's equity records with trigger FILL are its fills, one to one and in order.
WITH
    booked AS
    (
        SELECT
            account_id,
            row_number() OVER (PARTITION BY account_id ORDER BY offset) AS number,
            exec_id,
            cash AS fill_cash,
            notional != if(contract_multiplier IS NULL, toDecimal128(quantity, 9) * price, toDecimal128(roundBankers(
                toDecimal256(toDecimal128(quantity, 9) * price, 18) * toDecimal256(assumeNotNull(contract_multiplier), 9),
                18), 18)) AS notional_wrong,
            if(fx_rate IS NULL, notional, toDecimal128(roundBankers(
                toDecimal256(notional, 18) * toDecimal256(assumeNotNull(fx_rate), 9), 18), 18)) AS value,
            if(fx_rate IS NULL, commission, toDecimal128(roundBankers(
                toDecimal256(commission, 18) * toDecimal256(assumeNotNull(fx_rate), 9), 18), 18)) AS fee,
            if(side = 'BUY', -1, 1) * value - fee AS flow
        FROM fills
        WHERE run_id = {run_id:String}
    ),
    valued AS
    (
        SELECT
            account_id, offset, ts, cash, `trigger`, borrow_fees - funding - dividends AS carried,
            countIf(`trigger` = 'SESSION_OPEN') OVER so_far AS session,
            if(`trigger` = 'FILL', countIf(`trigger` = 'FILL') OVER so_far, 0) AS number,
            anyLast(if(`trigger` = 'SESSION_OPEN', cash, NULL)) OVER so_far AS opening_cash
        FROM account_equity
        WHERE run_id = {run_id:String}
        WINDOW so_far AS (PARTITION BY account_id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    records AS
    (
        SELECT
            account_id, offset, ts, cash, `trigger`, session, opening_cash, exec_id, fill_cash, notional_wrong,
            opening_cash - carried + sum(flow) OVER (
                PARTITION BY account_id, session ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS expected
        FROM valued
        FULL OUTER JOIN booked USING (account_id, number)
    )
SELECT
    count() AS checked,
    countIf(problem != '') AS different,
    groupArrayIf(20)(concat('account ', account_id,
        if(exec_id = '', concat(' at ', toString(ts)), concat(' after fill ', exec_id)), ': ', problem), problem != '')
        AS differences
FROM
(
    SELECT
        account_id, ts, exec_id,
        multiIf(
            `trigger` = '', 'no equity record of this fill',
            opening_cash IS NULL, 'an equity record comes before the session is opened',
            `trigger` = 'FILL' AND exec_id = '', 'the equity record of a fill that fills does not hold',
            exec_id != '' AND notional_wrong, 'notional is not quantity * price * multiplier',
            exec_id != '' AND fill_cash != expected, concat('cash of the fill is ', toString(fill_cash),
                ', flows and fees make ', toString(assumeNotNull(expected))),
            cash != expected, concat('cash of the equity record is ', toString(cash),
                ', flows and fees make ', toString(assumeNotNull(expected))),
            '') AS problem
    FROM records
)
SETTINGS join_use_nulls = 0
