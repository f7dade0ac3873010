"""`paper feed` sends the files of a folder, of other formats too, as one market, each update once."""

from __future__ import annotations

import json
from pathlib import Path

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.resume import TOPIC
from streams.pipeline.feed.table import MarketTable
from tests.end_to_end.processes import done, told
from tests.pipeline.feed.feed_rows import rows_in, rows_of

MICROS = 1_700_000_000_000_000
DAY = 86_400 * 10**6
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
ROWS = 1_000


def test_a_folder_of_vendors_files_is_fed_once(pipeline_settings: Settings, tmp_path: Path) -> None:
    files = []
    for day in range(3):
        lines = [f"x,Y,1,{MICROS + day * DAY + row},{row},buy,{1 + row % 7},2\n" for row in range(ROWS)]
        files.append(tmp_path / "set" / "symbol=ACME.SIM" / f"day={day}" / "trades.csv")
        files[-1].parent.mkdir(parents=True)
        files[-1].write_text(TRADES + "".join(lines))
    command = ("feed", str(tmp_path / "set"), "--symbol", "ACME.SIM")
    assert json.loads(done(pipeline_settings, *command, "--json"))["updates"] == len(files) * ROWS
    assert "nothing is left to send" in told(pipeline_settings, *command)
    codec = Codec(Registry(pipeline_settings))
    records = [record for record in read_topic(pipeline_settings, codec, TOPIC) if record.symbol]
    expected = MarketTable.merged([read_file(path, "ACME.SIM") for path in files])
    assert [row for record in records for row in rows_in(record)] == rows_of(expected)
