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


DEFAULTS = Conventions()
