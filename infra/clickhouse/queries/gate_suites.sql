-- The newest report of each test suite. A case that was ingested twice counts once.
--   failures: names of the first failed cases, sorted.
SELECT
    toString(suite) AS suite,
    toUnixTimestamp64Nano(max(newest)) AS ran_ns,
    count() AS cases,
    countIf(state = 'PASSED') AS passed,
    countIf(state NOT IN ('PASSED', 'SKIPPED')) AS failed,
    arraySlice(arraySort(groupArrayIf(`case`, state NOT IN ('PASSED', 'SKIPPED'))), 1, 5) AS failures,
    if(uniqExact(ifNull(tested, '')) = 1, any(tested), NULL) AS commit
FROM
(
    SELECT suite, `case`, ts AS newest, argMax(status, offset) AS state, argMax(commit, offset) AS tested
    FROM test_results
    WHERE run_id = {run_id:String}
        AND (suite, ts) IN (SELECT suite, max(ts) FROM test_results WHERE run_id = {run_id:String} GROUP BY suite)
    GROUP BY suite, `case`, ts
)
GROUP BY suite
ORDER BY suite
