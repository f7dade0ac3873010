"""Reference data: instruments, simulators, accounts, calendars."""
