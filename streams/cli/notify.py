"""`paper notify`: tells people by chat, mail or webhook when something happens."""

from __future__ import annotations

from pathlib import Path

import typer

from streams.cli.options import LOG_LEVEL

RULES = typer.Option(Path("notify.toml"), "--rules", help="Rules file; examples/notify.toml is one to begin with.")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(notify)
    group.command()(test)
    app.add_typer(group, name="notify")


def notify(context: typer.Context, rules: Path = RULES, log_level: str = LOG_LEVEL) -> None:
    """Reports risk events, fills, refusals, the gate, dead letters and the health to people, in the foreground.

    A rule that is new tells nothing of the past. After a crash nothing is lost; what may come twice is marked.
    """
    if context.invoked_subcommand:
        return
    import sys

    from infra.build.extras import NOTIFY, bring
    from infra.log_lines import begin_logging
    from infra.settings import get_settings
    from streams.operations.notify.notice_targets import NoticeTargets
    from streams.operations.notify.notifier import Notifier
    from streams.operations.notify.notify_rules import load_rules

    begin_logging(get_settings(), log_level)
    found = load_rules(rules)
    bring(NOTIFY)
    notifier = Notifier(get_settings(), found, NoticeTargets(found.target))
    print(f"watches by {len(found.rule)} rules of {rules}; Ctrl-C ends it", file=sys.stderr, flush=True)
    try:
        notifier.run()
    except KeyboardInterrupt:
        return


def test(rules: Path = RULES, to: list[str] = typer.Option([], help="Name of a target; default: all targets.")) -> None:
    """Sends a test message to the targets of a rules file. Exit code 1 if one does not take it."""
    from infra.build.extras import NOTIFY, bring
    from streams.errors import InputError
    from streams.operations.notify.notice_targets import NoticeTargets
    from streams.operations.notify.notify_rules import load_rules

    found = load_rules(rules)
    if unknown := sorted(set(to) - found.target.keys()):
        raise InputError(f"--to {', '.join(unknown)}: {rules} has no such target; known: {', '.join(found.target)}")
    bring(NOTIFY)
    targets = NoticeTargets(found.target)
    failed = False
    for name in to or found.target:
        took = targets.try_once(name, "Test of paper notify", f"Target {name} hears of the rules that name it.")
        print(f"{name}: {'delivered' if took else 'NOT DELIVERED; the log above says why'}")
        failed |= not took
    if failed:
        raise typer.Exit(1)
