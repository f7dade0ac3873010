-- What account shards hold: by strategy, the decisions that a shard took and has not ended, by the shards' own events. A
-- decision from before decisions were signed has no name here.
SELECT strategy, arraySort(groupUniqArray(newest.2)) AS decisions
FROM
(
    SELECT
        toString(strategy_id) AS strategy, partition,
        argMax((toString(code), ifNull(toString(cause), '')), offset) AS newest
    FROM risk_events
    WHERE run_id = {run_id:String} AND kind = 'AUTHORISATION_CHANGED'
    GROUP BY strategy, partition
)
WHERE newest.1 != 'REVOCATION'
GROUP BY strategy
ORDER BY strategy
