-- The gate's records: what an approval or revocation is about, what a level allows, how many strategies were tried.

ALTER TABLE gate_decisions
    ADD COLUMN IF NOT EXISTS of_decision_id Nullable(String),
    ADD COLUMN IF NOT EXISTS settings_sha256 Nullable(String),
    ADD COLUMN IF NOT EXISTS limits Nullable(String),
    ADD COLUMN IF NOT EXISTS trials Nullable(Int32),
    ADD COLUMN IF NOT EXISTS trials_variance Nullable(Float64);

ALTER TABLE desk
    ADD COLUMN IF NOT EXISTS strategy_id LowCardinality(Nullable(String));
