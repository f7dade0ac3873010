"""Grafana's dashboards as code. generate.py writes them as JSON into infra/grafana/provisioning."""
