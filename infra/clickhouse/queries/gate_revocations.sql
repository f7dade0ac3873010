-- Revocations of a strategy's newest decision that account shards made themselves. Parameters: strategy_id.
SELECT DISTINCT text
FROM risk_events FINAL
WHERE run_id = {run_id:String} AND kind = 'AUTHORISATION_CHANGED' AND code = 'REVOCATION' AND control_id IS NULL
    AND strategy_id = {strategy_id:String}
    AND position(text, (
        SELECT argMax(decision_id, offset) FROM gate_decisions
        WHERE run_id = {run_id:String} AND strategy_id = {strategy_id:String} AND kind = 'EVALUATED')) > 0
ORDER BY text
