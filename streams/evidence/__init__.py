"""Evidence from recorded data: metrics, reconciliation, session reports, replay, the gate, dashboards."""
