"""The dashboards, one module each."""

from streams.evidence.dashboards.boards import (
    desk_board,
    execution_board,
    gate_board,
    health_board,
    risk_board,
    session_board,
)

DASHBOARDS = (
    desk_board.build,
    session_board.build,
    execution_board.build,
    risk_board.build,
    gate_board.build,
    health_board.build,
)
"""Functions that build the dashboards, in the order in which a desk reads them."""
