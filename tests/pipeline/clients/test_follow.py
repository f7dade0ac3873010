"""A follower gives what has come at once; its time limit is for what has not."""

from __future__ import annotations

import time

from infra.settings import Settings
from streams.pipeline.clients.follow import Follower
from tests.end_to_end.desk import Desk, immediate

LIMIT_S = 60.0


def test_a_record_that_has_come_is_not_held_until_others_come(pipeline_settings: Settings) -> None:
    desk = Desk(pipeline_settings)
    with Follower(pipeline_settings, desk.codec, ["orders"]) as follower:
        assert list(follower.poll(0.0)) == []
        desk.send("orders", "A", immediate("o-1", "A"))
        desk.flush()
        began = time.monotonic()
        (found,) = follower.poll(LIMIT_S)
        assert time.monotonic() - began < LIMIT_S / 2
    assert found.message.order_id == "o-1"
