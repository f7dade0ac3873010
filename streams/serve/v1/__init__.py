"""The service's own API, under /v1."""
