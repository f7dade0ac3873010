"""The dashboards, one module each."""

from infra.grafana.dashboards import desk, execution, gate, health, risk, session

DASHBOARDS = (desk.build, session.build, execution.build, risk.build, gate.build, health.build)
"""Builders in the order in which a desk reads them."""
