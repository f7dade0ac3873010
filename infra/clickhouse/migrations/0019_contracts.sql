-- Contracts of more or less than one unit of their underlying: the multiplier by which a fill was booked.

ALTER TABLE fills ADD COLUMN IF NOT EXISTS contract_multiplier Nullable(Decimal(18, 9));
