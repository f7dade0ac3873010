-- The archives that were exported, newest first, with the hash of each manifest.
SELECT run_id, manifest_sha256, records, files, code_version, exported_at
FROM archives
ORDER BY exported_at DESC
