ALTER TABLE snapshots_accounts ADD COLUMN IF NOT EXISTS topic_ids Array(String) AFTER positions;

ALTER TABLE snapshots_execution ADD COLUMN IF NOT EXISTS topic_ids Array(String) AFTER positions;
