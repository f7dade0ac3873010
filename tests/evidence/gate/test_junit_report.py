"""JUnit reports, well-formed and hostile: each is read whole or refused whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.records import enums
from streams.errors import InputError
from streams.evidence.gate import junit_report
from streams.evidence.gate.junit_report import read_junit

NOW_NS = 4_000_000_000 * 10**9
STAMP = 'name="s" timestamp="2024-05-01T12:00:00+02:00"'
TESTS = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2, "one is not two"
@pytest.mark.skip(reason="later")
def test_later(): pass
@pytest.fixture
def broken(): raise RuntimeError("no fixture")
def test_error(broken): pass
"""


def real_report(folder: Path, content: str = TESTS) -> Path:
    """Writes a report with pytest."""
    (folder / "test_small.py").write_text(content)
    report = folder / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    subprocess.run([*command, f"--junitxml={report}", str(folder)], capture_output=True, check=False, cwd=folder)
    return report


def test_a_report_of_pytest(tmp_path: Path) -> None:
    results = read_junit(real_report(tmp_path), NOW_NS, commit="abc")
    status = enums.TestStatus
    assert [(item.case.split(".")[-1], item.status) for item in results] == [
        ("test_good", status.PASSED),
        ("test_bad", status.FAILED),
        ("test_later", status.SKIPPED),
        ("test_error", status.ERROR),
    ]
    assert {(item.suite, item.commit) for item in results} == {("pytest", "abc")}
    assert "one is not two" in (results[1].text or "")
    assert results == read_junit(tmp_path / "junit.xml", NOW_NS, commit="abc")


def test_nested_suites_times_and_commits(tmp_path: Path) -> None:
    file = tmp_path / "r.xml"
    commit = '<properties><property name="commit" value="c1"/></properties>'
    inner = f'<testsuite {STAMP}>{commit}<testcase name="a"/></testsuite>'
    file.write_text(f'<testsuites><testsuite name="outer">{inner}</testsuite></testsuites>')
    (result,) = read_junit(file, NOW_NS)
    assert (result.suite, result.case, result.commit) == ("s", "a", "c1")
    assert result.ts == 1_714_557_600 * 10**9
    (renamed,) = read_junit(file, NOW_NS, suite="mine", commit="c1")
    assert (renamed.suite, renamed.commit) == ("mine", "c1")
    with pytest.raises(InputError, match="is of commit c1, not of c2; test that commit"):
        read_junit(file, NOW_NS, commit="c2")


PROOF_NAMES = ["reconcile", "Reconcile", " reconcile", "re-concile", "RECONCILE.", "replay-verify", "replay verify",
               "Replay_Verify", "replayverify", "[replay]/verify"]  # fmt: skip


@pytest.mark.parametrize("name", PROOF_NAMES)
@pytest.mark.parametrize("given", [True, False])
def test_a_proof_is_no_file(name: str, given: bool, tmp_path: Path) -> None:
    file = tmp_path / "r.xml"
    said = "s" if given else name
    file.write_text(f'<testsuite {STAMP.replace(chr(34) + "s", chr(34) + said)}><testcase name="a"/></testsuite>')
    with pytest.raises(InputError, match=r"no file can bring it: `paper re(concile|play verify) --record`"):
        read_junit(file, NOW_NS, suite=name if given else None)


@pytest.mark.parametrize("name", ["rec\u043encile", "reconcile\u200b", "\uff52econcile", "replay\u2011verify", "a\nb"])
def test_a_name_in_another_alphabet_is_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "r.xml"
    file.write_text(f'<testsuite {STAMP}><testcase name="a"/></testsuite>')
    with pytest.raises(InputError, match="a name has ASCII letters"):
        read_junit(file, NOW_NS, suite=name)


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f'<!DOCTYPE x [<!ENTITY a0 "ha">{BOMB}]><testsuite {STAMP}><testcase name="&a8;"/></testsuite>', "refused"),
        (f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite {STAMP}>&e;</testsuite>', "refused"),
        (f'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><testsuite {STAMP}/>', "refused"),
        ("not xml", "not JUnit"),
        ("", "not JUnit"),
        ("<html/>", "not JUnit"),
        (f'<testsuite {STAMP}><testcase name="a"/>', "not JUnit"),
        (f"<testsuite {STAMP}/>", "no test case"),
        ('<testsuite name="s"><testcase name="a"/></testsuite>', "timestamp"),
        ('<testsuite name="s" timestamp="2999-01-01T00:00:00"><testcase name="a"/></testsuite>', "in the future"),
        ('<testsuite timestamp="2024-05-01T12:00:00"><testcase name="a"/></testsuite>', "--suite"),
        (f"<testsuite {STAMP}><testcase/></testsuite>", "no name"),
        (f'<testsuite {STAMP} failures="1"><testcase name="a"/></testsuite>', "cases are missing"),
        (f'<testsuite {STAMP}><testcase name="{"x" * 3000}"/></testsuite>', "2000 characters"),
        (f'<testsuite {STAMP}><testcase name="a" time="soon"/></testsuite>', "time"),
    ],
)
def test_what_is_no_honest_report_is_refused(content: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "r.xml"
    file.write_text(content)
    with pytest.raises(InputError, match=r"r\.xml") as refused:
        read_junit(file, NOW_NS)
    assert why in str(refused.value)


def test_a_huge_or_missing_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "r.xml"
    with pytest.raises(InputError, match="No such file"):
        read_junit(file, NOW_NS)
    with file.open("wb") as sparse:
        sparse.truncate(junit_report.FILE_BYTES_MAX + 1)
    with pytest.raises(InputError, match="larger than"):
        read_junit(file, NOW_NS)
    monkeypatch.setattr(junit_report, "CASES_MAX", 1)
    file.write_text(f'<testsuite {STAMP}><testcase name="a"/><testcase name="b"/></testsuite>')
    with pytest.raises(InputError, match="more than 1 cases"):
        read_junit(file, NOW_NS)
