"""Simulators: they decide whether, when and at what price an order fills."""
