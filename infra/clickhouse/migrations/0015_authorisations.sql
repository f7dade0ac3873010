-- What an authorisation is bound to: a session says which code with which parameters trades, a decision for whom it holds and
-- who signed it.

ALTER TABLE controls
    ADD COLUMN IF NOT EXISTS code_sha256 LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS parameters Nullable(String);

ALTER TABLE gate_decisions
    ADD COLUMN IF NOT EXISTS of_run_id LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS account_id LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS code_sha256 LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS parameters Nullable(String),
    ADD COLUMN IF NOT EXISTS mode LowCardinality(String) DEFAULT 'PAPER',
    ADD COLUMN IF NOT EXISTS proof_sha256 Nullable(String),
    ADD COLUMN IF NOT EXISTS key_id LowCardinality(Nullable(String)),
    ADD COLUMN IF NOT EXISTS signature Nullable(String);
