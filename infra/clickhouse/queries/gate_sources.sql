-- Fills of a strategy on a market whose source is not listed; NULL without fills.
--   A market has the sources of all its records of the day: one record of another source spoils the day.
--   unlisted: these sources, with the number of fills on each.
--   Parameters: strategy_id, time_zone of days, sources: the list.
WITH done AS
(
    SELECT arrayFilter(source -> NOT paper_is_listed(source, {sources:Array(String)}), sources) AS others, empty(sources) AS has_none
    FROM v_fill_evidence(run_id = {run_id:String}, time_zone = {time_zone:String})
    WHERE (account_id, session_id) IN
    (
        SELECT account_id, session_id FROM v_scope(run_id = {run_id:String}, scope = 'strategy', scope_id = {strategy_id:String})
    )
)
SELECT
    (SELECT if(count() = 0, NULL, countIf(has_none OR notEmpty(others))) FROM done) AS unlisted_fills,
    (
        SELECT arrayStringConcat(arraySort(groupArray(concat(toString(fills), ' on ', source))), ', ')
        FROM
        (
            SELECT if(source = '', 'a market of unknown source', source) AS source, count() AS fills
            FROM done
            ARRAY JOIN if(has_none, [''], others) AS source
            GROUP BY source
        )
    ) AS unlisted
