"""Circuit breakers of an account and of the desk: what they measure, and when they stop trading."""
