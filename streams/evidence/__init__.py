"""Evidence from the record: metrics, reconciliation, sessions, replay, the gate, dashboards."""
