"""Tests of answers that serve several pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest

from streams.serve.console.kept_answers import QUESTIONS_MAX, KeptAnswers
from streams.serve.service_problem import ServiceProblem


def test_an_answer_serves_all_pages_for_its_time() -> None:
    numbers, kept = count(), KeptAnswers[int](3600)
    assert [kept.get(name, lambda: next(numbers)) for name in ("a", "a", "b", "a")] == [0, 0, 1, 0]
    fresh = KeptAnswers[int](0)
    assert [fresh.get("a", lambda: next(numbers)) for _ in range(2)] == [2, 3]


def test_an_error_is_not_kept_and_the_oldest_answer_is_forgotten() -> None:
    kept = KeptAnswers[int](3600)
    with pytest.raises(ZeroDivisionError):
        kept.get("0", lambda: 1 // 0)
    for number in range(QUESTIONS_MAX + 1):
        assert kept.get(str(number), lambda: 7) == 7
    assert (kept.get("0", lambda: 8), kept.get(str(QUESTIONS_MAX), lambda: 8)) == (8, 7)


def test_while_a_page_asks_others_get_the_old_answer_or_are_told() -> None:
    kept, asked, may_end = KeptAnswers[int](0, patience_s=0.01), Event(), Event()
    assert kept.get("a", lambda: 1) == 1

    def slow() -> int:
        asked.set()
        assert may_end.wait(60)
        return 2

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(kept.get, "a", slow)
        assert asked.wait(60)
        assert kept.get("a", slow) == 1
        with pytest.raises(ServiceProblem, match="being computed"):
            kept.get("b", slow)
        may_end.set()
        assert answer.result(60) == 2
