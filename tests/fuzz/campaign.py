"""A campaign: lives of consecutive numbers, shared among processes, whose number changes no result."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context

from tests.fuzz.life import Finding, Life, LifeResult

LIFE_RECORDS = 10_000
PROGRESS_S = 5.0


@dataclass
class CampaignResult:
    """The numbers of all lives. findings: by kind, the first of each; seconds: of wall clock."""

    seed: int
    lives: int = 0
    records: int = 0
    taken: int = 0
    refused: int = 0
    seconds: float = 0.0
    failed_lives: int = 0
    findings: dict[tuple[str, str, str], tuple[Finding, int]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Records made per second."""
        return self.records / self.seconds if self.seconds else 0.0

    def add(self, result: LifeResult) -> None:
        """Adds a life."""
        self.lives += 1
        self.records += result.records
        self.taken += result.taken
        self.refused += result.refused
        self.failed_lives += bool(result.findings)
        for finding in result.findings:
            first, count = self.findings.get(finding.kind, (finding, 0))
            self.findings[finding.kind] = (first, count + 1)


def run_life(seed: int, number: int, records: int, topics: tuple[str, ...]) -> LifeResult:
    """Runs one life. Silences the log, which tells of each fault that a finding tells of."""
    logging.disable()
    try:
        return Life(seed, number, topics).run(records)
    finally:
        logging.disable(logging.NOTSET)


def run_campaign(
    seed: int, records: int, processes: int, topics: tuple[str, ...], first_life: int = 0, progress: bool = False
) -> CampaignResult:
    """Runs lives until that many records were planned. A life may end early at a finding."""
    result, began = CampaignResult(seed), time.monotonic()
    told = began
    for life in _lives(seed, records, processes, topics, first_life):
        result.add(life)
        result.seconds = time.monotonic() - began
        if progress and time.monotonic() - told > PROGRESS_S:
            told = time.monotonic()
            found = f"{len(result.findings)} kinds of findings"
            text = f"{result.records:,} of {records:,} records, {result.rate:,.0f}/s, {found}"
            print(text, file=sys.stderr, flush=True)
    return result


def _lives(seed: int, records: int, processes: int, topics: tuple[str, ...], first_life: int) -> Iterator[LifeResult]:
    plan = (
        (first_life + number, min(LIFE_RECORDS, records - start))
        for number, start in enumerate(range(0, records, LIFE_RECORDS))
    )
    if processes == 1:
        for number, count in plan:
            yield run_life(seed, number, count, topics)
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        running = {pool.submit(run_life, seed, number, count, topics) for number, count in islice(plan, 2 * processes)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(run_life, seed, number, count, topics) for number, count in islice(plan, len(done))}
            yield from (future.result() for future in done)
