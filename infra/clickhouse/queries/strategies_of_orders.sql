-- The strategies that orders of a run have named.
SELECT DISTINCT assumeNotNull(strategy_id) AS strategy_id
FROM orders
WHERE run_id = {run_id:String} AND ifNull(strategy_id, '') != ''
