"""Grafana's provisioning: data source, folder, and dashboards generated as code."""
