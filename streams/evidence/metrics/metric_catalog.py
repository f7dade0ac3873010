"""The catalog of metrics: the one definition of each. A metric is the column of the same name in its query file."""

from typing import NamedTuple

RETURNS, DAYS, TRADES, COSTS = "metrics_returns", "metrics_days", "metrics_trades", "metrics_costs"
ORDERS, REJECTS, EXECUTION = "metrics_orders", "metrics_rejects", "metrics_execution"
EXPOSURE, BREAKERS = "metrics_exposure", "metrics_breakers"

KEYS = ("scope_id", "currency", "part")
"""Columns that identify a row. A query without breakdowns has no column part."""

BREAKDOWNS = {
    RETURNS: ("",),
    DAYS: ("day",),
    TRADES: ("", "day", "instrument"),
    COSTS: ("", "day", "instrument"),
    ORDERS: ("", "day", "instrument"),
    REJECTS: ("reason",),
    EXECUTION: ("", "day", "instrument"),
    EXPOSURE: ("", "day"),
    BREAKERS: ("", "day"),
}
"""Breakdowns of each query; empty is the whole session, account or strategy."""


class Metric(NamedTuple):
    """A metric.

    Attributes:
        name: name of the metric and of its column in the query.
        query: file in infra/clickhouse/queries, without suffix; its comment states the conventions in full.
        unit: unit of the value. "currency" is the account's; "ratio" is a share, which is shown in percent.
        convention: definition in one sentence. An undefined value is NULL.
        source: paper, book or tool that the definition follows; empty for plain counts and sums.
        minimum: convention that holds the fewest observations; NULL below it.
    """

    name: str
    query: str
    unit: str
    convention: str
    source: str = ""
    minimum: str = ""


SHARPE_PAPER = "Bailey and Lopez de Prado 2012"
DEFLATED_PAPER = "Bailey and Lopez de Prado 2014"
EPISODES = "PerformanceAnalytics, findDrawdowns"
MIN_RETURNS, MIN_CALENDAR_DAYS = "min_returns", "min_calendar_days"
"""Conventions that hold the fewest observations of a metric."""

METRICS = (
    Metric("days", RETURNS, "days", "days with a return, the n of all ratios"),
    Metric("first_day", RETURNS, "date", "first day with a return, in the time zone"),
    Metric("last_day", RETURNS, "date", "last day with a return, in the time zone"),
    Metric("start_equity", RETURNS, "currency", "E_0, equity at the start of the first day"),
    Metric("end_equity", RETURNS, "currency", "equity at the end of the last day"),
    Metric(
        "net_pnl", RETURNS, "currency", "change of equity less net external cash flows, after all costs", "GIPS 2020"
    ),
    Metric("net_cash_flow", RETURNS, "currency", "deposits less withdrawals since E_0, by openings of accounts"),
    Metric(
        "total_return",
        RETURNS,
        "ratio",
        "product of (1 + r_t) - 1; r_t = E_t / E_{t-1} - 1, linked at each external cash flow (time-weighted)",
        "GIPS 2020",
    ),
    Metric("best_day", RETURNS, "ratio", "greatest r_t"),
    Metric("worst_day", RETURNS, "ratio", "smallest r_t"),
    Metric(
        "cagr",
        RETURNS,
        "ratio a year",
        "(1 + total return)^(365 / calendar days) - 1; NULL below 365 calendar days",
        "freqtrade; GIPS 2020",
        MIN_CALENDAR_DAYS,
    ),
    Metric(
        "volatility",
        RETURNS,
        "ratio a year",
        "sample deviation (ddof 1) * sqrt(annualisation); NULL below 30 returns",
        minimum=MIN_RETURNS,
    ),
    Metric(
        "sharpe",
        RETURNS,
        "a year",
        "mean / sample deviation * sqrt(annualisation); NULL below 30 returns",
        "Sharpe 1994; Lo 2002",
        MIN_RETURNS,
    ),
    Metric(
        "sortino",
        RETURNS,
        "a year",
        "mean(r - MAR) / sqrt(sum(min(r - MAR, 0)^2) / n) * sqrt(annualisation); NULL below 30 returns",
        "Sortino and Price 1994, empyrical-reloaded",
        MIN_RETURNS,
    ),
    Metric(
        "calmar",
        RETURNS,
        "a year",
        "CAGR / |max drawdown|; NULL below 365 calendar days",
        "Young 1991",
        MIN_CALENDAR_DAYS,
    ),
    Metric("max_drawdown", RETURNS, "ratio", "lowest index of linked returns / its peak - 1, at the ends of days"),
    Metric("max_drawdown_days", RETURNS, "days", "days from its peak to its recovery, or to the last day", EPISODES),
    Metric("max_drawdown_recovery_days", RETURNS, "days", "days from its trough to its recovery", EPISODES),
    Metric(
        "max_drawdown_intraday",
        RETURNS,
        "ratio",
        "lowest index of linked returns / its peak - 1 over all records of one account",
    ),
    Metric("average_drawdown", RETURNS, "ratio", "mean depth of the drawdown episodes", EPISODES),
    Metric("average_drawdown_days", RETURNS, "days", "mean days from peak to recovery, or to the last day", EPISODES),
    Metric("average_recovery_days", RETURNS, "days", "mean days from trough to recovery, if recovered", EPISODES),
    Metric(
        "time_weighted_drawdown",
        RETURNS,
        "ratio",
        "mean |drawdown| of the index at E_0 ... E_n, weighted by the days until the next; positive",
    ),
    Metric("ulcer_index", RETURNS, "ratio", "sqrt(mean(drawdown^2)) of the index at E_0 ... E_n", "Martin 1987"),
    Metric("value_at_risk", RETURNS, "ratio", "historical quantile at the level, interpolated; a loss is negative"),
    Metric(
        "expected_shortfall",
        RETURNS,
        "ratio",
        "CVaR: mean of the floor((n - 1) * level) + 1 lowest returns",
        "empyrical-reloaded",
    ),
    Metric("skewness", RETURNS, "", "g3 by population moments", "scipy.stats.skew"),
    Metric("kurtosis", RETURNS, "", "g4 by population moments, raw: normal is 3", "scipy.stats.kurtosis"),
    Metric("psr", RETURNS, "probability", "that the true Sharpe ratio is above the benchmark's", SHARPE_PAPER),
    Metric("min_track_record_days", RETURNS, "days", "days at which PSR reaches the confidence", SHARPE_PAPER),
    Metric(
        "deflated_target", RETURNS, "a year", "SR0, the Sharpe ratio expected of the best of the trials", DEFLATED_PAPER
    ),
    Metric("dsr", RETURNS, "probability", "PSR against SR0; NULL if the trials are not declared", DEFLATED_PAPER),
    Metric("day_start_equity", DAYS, "currency", "equity at the day's start"),
    Metric("day_end_equity", DAYS, "currency", "equity at the day's end"),
    Metric("day_pnl", DAYS, "currency", "equity at the day's end less equity at its start and the cash flow between"),
    Metric("day_cash_flow", DAYS, "currency", "deposits less withdrawals between the sessions of the day"),
    Metric("daily_return", DAYS, "ratio", "r_t = E_t / E_{t-1} - 1, linked at each external cash flow", "GIPS 2020"),
    Metric("cumulative_return", DAYS, "ratio", "product of (1 + r) so far - 1"),
    Metric("drawdown", DAYS, "ratio", "index of linked returns / its peak - 1"),
    Metric("drawdown_intraday", DAYS, "ratio", "lowest index / its peak - 1 over the day's records of one account"),
    Metric("trades", TRADES, "trades", "closed round trips, or FIFO lots"),
    Metric("winning_trades", TRADES, "trades", "trades with a profit after fees"),
    Metric("losing_trades", TRADES, "trades", "trades with a loss after fees"),
    Metric("trade_pnl", TRADES, "currency", "sum of the closed trades, after fees"),
    Metric("gross_profit", TRADES, "currency", "sum of the winning trades"),
    Metric("gross_loss", TRADES, "currency", "sum of the losing trades, negative"),
    Metric("hit_rate", TRADES, "ratio", "winning trades / trades"),
    Metric("profit_factor", TRADES, "", "gross profit / |gross loss|, NULL without losses"),
    Metric("expectancy", TRADES, "currency a trade", "mean profit and loss of the trades", "Tharp 1998"),
    Metric("expectancy_ratio", TRADES, "", "(1 + average win / |average loss|) * hit rate - 1", "freqtrade"),
    Metric("average_win", TRADES, "currency", "mean of the winning trades"),
    Metric("average_loss", TRADES, "currency", "mean of the losing trades, negative"),
    Metric("payoff", TRADES, "", "average win / |average loss|"),
    Metric("largest_win", TRADES, "currency", "greatest winning trade"),
    Metric("largest_loss", TRADES, "currency", "greatest losing trade, negative"),
    Metric("sqn", TRADES, "", "sqrt(trades) * expectancy / sample deviation of the trades", "Tharp 2008"),
    Metric("holding_seconds", TRADES, "s", "mean time from opening to closing"),
    Metric("fills", COSTS, "fills", "number of fills"),
    Metric("maker_share", COSTS, "ratio", "fills that added liquidity / fills"),
    Metric("traded_value", COSTS, "currency", "sum of quantity * price"),
    Metric("turnover", COSTS, "ratio", "traded value / mean equity at the days' ends"),
    Metric("realised_pnl", COSTS, "currency", "realised at average cost, after commissions"),
    Metric("fees", COSTS, "currency", "commissions"),
    Metric("funding", COSTS, "currency", "funding of perpetuals, received less paid"),
    Metric("dividends", COSTS, "currency", "cash dividends, received less paid for short positions"),
    Metric("fees_bps", COSTS, "bp", "fees / traded value"),
    Metric("slippage_mid", COSTS, "currency", "slippage against the middle at the fill; positive is a cost"),
    Metric("slippage_mid_bps", COSTS, "bp", "the same / value of the fills that have it"),
    Metric("slippage_arrival", COSTS, "currency", "slippage against the middle at arrival; positive is a cost"),
    Metric("slippage_arrival_bps", COSTS, "bp", "the same / value of the fills that have it"),
    Metric("orders", ORDERS, "orders", "orders that were accepted or rejected"),
    Metric("rejected_orders", ORDERS, "orders", "orders that the controls or the venue rejected"),
    Metric("reject_rate", ORDERS, "ratio", "rejected orders / orders"),
    Metric("ended_orders", ORDERS, "orders", "accepted orders that have ended"),
    Metric("fill_rate", ORDERS, "ratio", "mean cum_qty / order_qty of the ended orders"),
    Metric("cancel_rejects", ORDERS, "requests", "refused cancels and replaces"),
    Metric("rejects_of_reason", REJECTS, "orders", "orders rejected for this reason"),
    Metric("reject_rate_of_reason", REJECTS, "ratio", "orders rejected for this reason / orders"),
    Metric("timed_orders", EXECUTION, "orders", "orders whose request and answer both have a time"),
    Metric("answer_ms_p50", EXECUTION, "ms", "from the order to its first answer by Kafka's clock, median"),
    Metric("answer_ms_p90", EXECUTION, "ms", "90th percentile of the same time by Kafka's clock"),
    Metric("answer_ms_p99", EXECUTION, "ms", "99th percentile of the same time by Kafka's clock"),
    Metric("answer_ms_max", EXECUTION, "ms", "maximum of the same time by Kafka's clock"),
    Metric("arrived_orders", EXECUTION, "orders", "orders that arrived at the venue"),
    Metric("venue_ms_p50", EXECUTION, "ms", "from the order's time to its arrival at the venue in market time, median"),
    Metric("venue_ms_p90", EXECUTION, "ms", "90th percentile of the same market time"),
    Metric("venue_ms_p99", EXECUTION, "ms", "99th percentile of the same market time"),
    Metric("venue_ms_max", EXECUTION, "ms", "maximum of the same market time"),
    Metric("shortfall_orders", EXECUTION, "orders", "ended orders that arrived in a two-sided market"),
    Metric(
        "implementation_shortfall",
        EXECUTION,
        "currency",
        "slippage against arrival + fees + move missed by the quantity that was not executed",
        "Perold 1988",
    ),
    Metric("implementation_shortfall_bps", EXECUTION, "bp", "the same / order quantity * arrival price", "Perold 1988"),
    Metric("gross_exposure", EXPOSURE, "ratio", "integral of gross position value / integral of equity over time"),
    Metric("net_exposure", EXPOSURE, "ratio", "the same of the signed position value"),
    Metric("max_gross_exposure", EXPOSURE, "ratio", "highest gross position value / equity of a record"),
    Metric("time_in_market", EXPOSURE, "ratio", "share of time with a position"),
    Metric("breaker_trips", BREAKERS, "trips", "transitions of circuit breakers to OPEN"),
)
METRIC_BY_NAME = {metric.name: metric for metric in METRICS}
