ALTER TABLE journal_accounts
    ADD COLUMN IF NOT EXISTS quarantined Array(Int64),
    ADD COLUMN IF NOT EXISTS quarantine_classes Array(String),
    ADD COLUMN IF NOT EXISTS quarantine_texts Array(String),
    ADD COLUMN IF NOT EXISTS acknowledged Nullable(String),
    ADD COLUMN IF NOT EXISTS alarms Int64,
    ADD COLUMN IF NOT EXISTS rewritten Int64;

ALTER TABLE journal_execution
    ADD COLUMN IF NOT EXISTS quarantined Array(Int64),
    ADD COLUMN IF NOT EXISTS quarantine_classes Array(String),
    ADD COLUMN IF NOT EXISTS quarantine_texts Array(String),
    ADD COLUMN IF NOT EXISTS acknowledged Nullable(String),
    ADD COLUMN IF NOT EXISTS alarms Int64,
    ADD COLUMN IF NOT EXISTS rewritten Int64;

ALTER TABLE snapshots_accounts
    ADD COLUMN IF NOT EXISTS alarms Int64,
    ADD COLUMN IF NOT EXISTS faults_in_a_row Int64;

ALTER TABLE snapshots_execution
    ADD COLUMN IF NOT EXISTS alarms Int64,
    ADD COLUMN IF NOT EXISTS faults_in_a_row Int64;
