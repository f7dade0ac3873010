"""The console: pages for people who trade, watch risks and judge strategies."""
