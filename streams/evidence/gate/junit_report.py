"""Reads JUnit XML reports into one record a test case. The files are not trusted."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from schemas.records.enums import TestStatus
from schemas.records.gate_messages import TestResult
from schemas.records.numbers import NANOS_PER_S
from streams.errors import InputError

FILE_BYTES_MAX = 64 * 1024 * 1024
CASES_MAX = 200_000
NAME_CHARS_MAX = 2_000
TEXT_CHARS_MAX = 4_000
COMMIT_PROPERTIES = ("commit", "git_commit", "git.commit")
AHEAD_MAX_NS = 300 * NANOS_PER_S
SUITE_NAME = re.compile(r"[A-Za-z0-9 _.:/\[\]-]+")
PROOFS = {"reconcile": "paper reconcile --record", "replayverify": "paper replay verify --record"}
"""Suites that only a proof records, by the letters and digits of their names, and the command."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_junit(path: Path, now_ns: int, suite: str | None = None, commit: str | None = None) -> list[TestResult]:
    """Returns the cases of a report in its order. suite: replaces that of the file. commit: if the file names none.

    A timestamp without an offset is UTC. Raises InputError that names the file and the fault: also if its suite is one
    of those that only a proof can record, or if it names another commit.
    """
    report = _parse(path)
    found = []
    for item in _suites(report):
        cases = [case for case in item if isinstance(case, TestCase)]
        ts = _time_ns(path, item, now_ns)
        tested = _tested(path, item, commit)
        name = suite or item.name
        _check_name(path, name)
        assert name is not None
        found += [_result(path, case, name, tested, ts) for case in cases]
        if len(found) > CASES_MAX:
            raise InputError(f"{path}: more than {CASES_MAX} cases; split the report")
        _check_counts(path, item, found[len(found) - len(cases) :])
    if not found:
        raise InputError(f"{path}: it holds no test case")
    return found


def _parse(path: Path) -> JUnitXml:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InputError(f"{path}: larger than {FILE_BYTES_MAX} bytes; split the report")
        return JUnitXml.fromfile(str(path), parse_func=_parse_safely)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except DefusedXmlException as error:
        raise InputError(
            f"{path}: refused: {type(error).__name__}; a test report needs no DTD and no entities"
        ) from error
    except (ParseError, JUnitXmlError, ValueError) as error:
        raise InputError(f"{path}: not JUnit XML: {error}") from error


def _parse_safely(path: str) -> Any:
    return ElementTree.parse(path, forbid_dtd=True, forbid_entities=True, forbid_external=True)


def _suites(report: JUnitXml) -> Iterator[TestSuite]:
    """Yields the suites at any depth that have cases of their own, each without its inner suites."""
    root: Element = report._elem
    for element in root.iter("testsuite"):
        own = element.makeelement("testsuite", dict(element.attrib))
        own.extend([child for child in element if child.tag != "testsuite"])
        if own.find("testcase") is not None:
            yield TestSuite.fromelem(own)  # type: ignore[no-untyped-call]


def _result(path: Path, case: TestCase, suite: str, commit: str | None, ts: int) -> TestResult:
    name = f"{case.classname}.{case.name}" if case.classname else case.name or ""
    if not name or len(name) > NAME_CHARS_MAX:
        raise InputError(f"{path}: suite {suite}: a case has no name, or one of more than {NAME_CHARS_MAX} characters")
    status, text = TestStatus.PASSED, None
    for kind, meaning in ((Skipped, TestStatus.SKIPPED), (Failure, TestStatus.FAILED), (Error, TestStatus.ERROR)):
        for outcome in case.result:
            if isinstance(outcome, kind):
                status, text = meaning, (outcome.message or outcome.text or "")[:TEXT_CHARS_MAX]
    try:
        duration = case.time
    except ValueError as error:
        raise InputError(f"{path}: case {name}: time {error}") from error
    return TestResult(suite, name, status, duration, commit, text, ts)


def _time_ns(path: Path, suite: TestSuite, now_ns: int) -> int:
    try:
        when = datetime.fromisoformat(suite.timestamp or "")
    except ValueError as error:
        raise InputError(f"{path}: suite {suite.name}: timestamp {suite.timestamp!r} is no ISO 8601 time") from error
    passed = (when if when.tzinfo else when.replace(tzinfo=UTC)) - EPOCH
    ts = (passed.days * 86_400 + passed.seconds) * NANOS_PER_S + passed.microseconds * 1_000
    if not 0 <= ts <= now_ns + AHEAD_MAX_NS:
        raise InputError(f"{path}: suite {suite.name}: timestamp {suite.timestamp} is in the future")
    return ts


def _check_name(path: Path, name: str | None) -> None:
    """Checks the name of a suite. Other alphabets could spell a name that looks like one of the proofs' suites."""
    if not name or len(name) > NAME_CHARS_MAX:
        raise InputError(f"{path}: a suite has no name, or a very long one; give --suite")
    if not SUITE_NAME.fullmatch(name):
        raise InputError(f"{path}: suite {name!r}: a name has ASCII letters, digits, spaces and -_.:/[]; give --suite")
    letters = "".join(filter(str.isalnum, name)).lower()
    if letters in PROOFS:
        raise InputError(
            f"{path}: suite {name!r} is no test, so no file can bring it: `{PROOFS[letters]}` proves and records"
        )


def _tested(path: Path, suite: TestSuite, commit: str | None) -> str | None:
    """Returns the commit that a suite was of. Only a file that names none takes the caller's word."""
    named = {item.name: item.value for item in suite.properties()}  # type: ignore[no-untyped-call]
    found = next((named[name] for name in COMMIT_PROPERTIES if named.get(name)), None)
    if found and commit and found != commit:
        raise InputError(f"{path}: suite {suite.name} is of commit {found}, not of {commit}; test that commit")
    return found or commit


def _check_counts(path: Path, suite: TestSuite, results: list[TestResult]) -> None:
    """Raises InputError if a suite counts more failures than its cases show: some cases are missing."""
    bad = sum(item.status in (TestStatus.FAILED, TestStatus.ERROR) for item in results)
    try:
        said = (suite.failures or 0) + (suite.errors or 0)
    except ValueError as error:
        raise InputError(f"{path}: suite {suite.name}: {error}") from error
    if said > bad:
        raise InputError(f"{path}: suite {suite.name} says that {said} failed, its cases show {bad}; cases are missing")
