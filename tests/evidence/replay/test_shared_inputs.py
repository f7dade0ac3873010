"""The inputs of a sweep, as another process opens them: they give the runs of the source that they come from."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from infra.settings import Settings
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.market_time import MarketTimeline
from streams.evidence.replay.recorded_inputs import recorded_config
from streams.evidence.replay.shared_inputs import SharedInputs
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from tests.builders import config, new
from tests.evidence.replay.markets import recorded
from tests.pipeline.journal.pipeline import PARTITIONS

CORE = config(account_partitions=PARTITIONS, execution_partitions=PARTITIONS)


@pytest.mark.parametrize("from_files", [False, True])
def test_other_processes_open_the_same_inputs(from_files: bool, tmp_path: Path) -> None:
    table = synthetic(SyntheticMarket(7, seconds=2), CORE.instruments)
    pipeline = recorded(table, 30, [new("o", ts=int(table.time[50]))], CORE)
    record = pipeline.log, pipeline.codec
    source = InputSource("base", recorded_config(*record), record, table if from_files else None)
    opening = Settings(_env_file=None), (), False
    sent = pickle.dumps(SharedInputs.of(source, opening, {True}, tmp_path))
    shared: SharedInputs = pickle.loads(sent)
    assert (shared.name, shared.config) == (source.name, source.config)
    assert table.time[9:].tobytes() not in sent, "the market stays in its file"
    found = shared.open(strategies=True)
    assert isinstance(found, MarketTimeline)
    plain = [item._replace(offset=0) for item in found]
    assert plain == [item._replace(offset=0) for item in source.inputs(strategies=True)]
