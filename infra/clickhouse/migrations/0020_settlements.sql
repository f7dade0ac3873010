-- Settlement of expired instruments: the market's records and the venue's notices. Its fills have no order.

ALTER TABLE market_data ADD COLUMN IF NOT EXISTS settlement_px Array(Decimal(18, 9));

ALTER TABLE executions ADD COLUMN IF NOT EXISTS settlement_px Nullable(Decimal(18, 9));
