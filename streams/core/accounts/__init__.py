"""Account shards: an order enters, is checked, and its executions are booked."""
