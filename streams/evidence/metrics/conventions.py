"""Conventions of the metrics, with the defaults that the command line, the gate, reports and dashboards share."""

from typing import NamedTuple


class Conventions(NamedTuple):
    """The parameters of the metrics queries that do not come from the records.

    Attributes:
        time_zone: time zone that divides days, a name of the tz database.
        annualisation: trading days a year: 252 (securities, FX) or 365 (crypto).
        mar: minimum acceptable return a day, for the Sortino ratio.
        benchmark_sharpe: annual Sharpe ratio that PSR and MinTRL compare with.
        confidence: confidence that the minimum track record asks for.
        level: tail probability of VaR and CVaR.
        trials: number of strategies tried, the chosen one included; None if not declared.
        trials_variance: variance of the trials' daily Sharpe ratios; not needed for one trial.
        basis: what a trade is: round_trips or lots.
        min_returns: fewest daily returns of an annual volatility, Sharpe or Sortino ratio. The standard error of an
            annual Sharpe ratio near 0 is sqrt(252 / n) (Lo 2002): above 2.9 for fewer than 30 days.
        min_calendar_days: fewest calendar days of a yearly growth (CAGR, Calmar ratio). GIPS 2020: returns of less
            than a year are not annualised.
    """

    time_zone: str = "UTC"
    annualisation: float = 252
    mar: float = 0
    benchmark_sharpe: float = 0
    confidence: float = 0.95
    level: float = 0.05
    trials: int | None = None
    trials_variance: float | None = None
    basis: str = "round_trips"
    min_returns: int = 30
    min_calendar_days: int = 365


DEFAULTS = Conventions()
