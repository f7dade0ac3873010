-- The newest report of each test suite. A case that was ingested twice counts once.
--   failures: names of the first failed cases, sorted. named: tests of the parameter named that
--   passed with all their parameters, which stand in brackets behind a test's name.
SELECT
    toString(suite) AS suite,
    toUnixTimestamp64Nano(max(newest)) AS ran_ns,
    count() AS cases,
    countIf(state = 'PASSED') AS passed,
    countIf(state NOT IN ('PASSED', 'SKIPPED')) AS failed,
    arraySlice(arraySort(groupArrayIf(`case`, state NOT IN ('PASSED', 'SKIPPED'))), 1, 5) AS failures,
    arraySort(arrayExcept(
        groupUniqArrayIf(test, state = 'PASSED' AND has({named:Array(String)}, test)),
        groupUniqArrayIf(test, state != 'PASSED'))) AS named,
    if(uniqExact(ifNull(tested, '')) = 1, any(tested), NULL) AS commit
FROM
(
    SELECT
        suite, `case`, splitByChar('[', `case`)[1] AS test, ts AS newest,
        argMax(status, offset) AS state, argMax(commit, offset) AS tested
    FROM test_results
    WHERE run_id = {run_id:String}
        AND (suite, ts) IN (SELECT suite, max(ts) FROM test_results WHERE run_id = {run_id:String} GROUP BY suite)
    GROUP BY suite, `case`, ts
)
GROUP BY suite
ORDER BY suite
