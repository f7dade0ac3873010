"""Archives of earlier versions verify: today's core makes each of their records again, byte for byte.

Each folder of archives/ is named after the version that recorded it. A session of 0.1.0 has orders of three accounts
(mock, realistic, another currency), trips and resets of account and desk breakers, a kill and a session close with
flatten, a split, authorisations, a live order, a forwarded order and a dead letter.
"""

from pathlib import Path

import pytest

from schemas.avro.codec import Codec
from streams.evidence.replay.archive import Archive
from streams.evidence.replay.recorded_inputs import recorded_config
from streams.evidence.replay.verify import verify

FOLDER = Path(__file__).with_name("archives")
ARCHIVES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
TOPICS_MIN = 10
"""Topics of which an archive must have records, so that the proof is one of something."""


@pytest.mark.parametrize("folder", ARCHIVES, ids=lambda path: path.name)
def test_an_archive_of_an_earlier_version_verifies(folder: Path) -> None:
    archive = Archive(folder)
    assert archive.check()
    codec = Codec(archive)
    result = verify(recorded_config(archive, codec), archive, codec, lambda _: None)
    assert not result.differences
    assert len([count for count in result.checked.values() if count]) >= TOPICS_MIN
