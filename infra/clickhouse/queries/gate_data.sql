-- Quality of the data that a strategy traded on.
--   gaps: pauses longer than gap_seconds in the quotes of its symbols within a day.
--   stale_share: share of fills whose quote was older than stale_seconds or unknown; NULL without fills.
--   dead_letters: records that the pipeline refused, except those on topics that clients write.
--   Parameters: strategy_id, time_zone of days, gap_seconds, stale_seconds.
WITH
    done AS
    (
        SELECT symbol, ts, quote_ts
        FROM fills FINAL
        WHERE run_id = {run_id:String}
            AND (toString(account_id), ifNull(toString(session_id), '')) IN
            (
                SELECT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
            )
    ),
    silences AS
    (
        SELECT
            ts, lagInFrame(ts, 1, ts) OVER (
                PARTITION BY symbol, toDate(ts, {time_zone:String}) ORDER BY ts
                ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
        FROM (SELECT DISTINCT symbol, ts FROM marks WHERE run_id = {run_id:String} AND kind = 'QUOTE'
            AND symbol IN (SELECT symbol FROM done))
    )
SELECT
    (SELECT if(count() = 0, NULL, countIf(ts > before + toIntervalSecond({gap_seconds:UInt32}))) FROM silences) AS gaps,
    (
        SELECT paper_ratio(countIf(ifNull(quote_ts < ts - toIntervalSecond({stale_seconds:UInt32}), true)), count())
        FROM done
    ) AS stale_share,
    (
        SELECT count() FROM dead_letters FINAL
        WHERE run_id = {run_id:String}
            AND topic NOT IN ('dlq.orders', 'dlq.controls', 'dlq.test.results', 'dlq.gate.decisions')
    ) AS dead_letters
