"""Simulators: who decides whether, when and at what price an order fills."""
