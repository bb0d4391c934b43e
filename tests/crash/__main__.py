"""`make crash`: kill senders thousands of times, over every store and provider, and count at the provider's."""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.crash.harness import (
    PROVIDERS,
    STORES,
    Findings,
    maybe_postgres,
    open_harness,
    quick_folder,
    search,
)
from tests.crash.mutants import MUTANTS
from tests.crash.report import as_dict, show


def main() -> None:
    """Exit code 1 when a message was sent twice, lost, or untruly reported."""
    options = parse_options()
    console = Console()
    console.print(f"seed {options.seed}", highlight=False)
    places = [(store, provider) for store in options.store for provider in options.provider]
    with (
        quick_folder() as folder,
        maybe_postgres(folder, options.store) as postgres_url,
        open_harness(
            folder,
            options.seed,
            mutant=options.mutant,
            postgres_url=postgres_url,
            evidence=options.evidence / f"seed-{options.seed}",
        ) as harness,
        Progress(console=Console(stderr=True), transient=True) as bar,
    ):
        # Whoever has seen enough gets what was found so far, and everything that was started is stopped.
        signal.signal(signal.SIGTERM, lambda *_: setattr(harness, "is_stopped", True))
        task = bar.add_task("kills", total=options.kills)

        def advance(kills: int, findings: Findings) -> None:
            bar.advance(task, kills)
            if not bar.console.is_terminal:
                verdict = "nothing wrong" if findings.is_clean else f"faults, see {options.evidence}"
                bar.console.print(f"{findings.all_kills.total} kills: {verdict}", highlight=False)

        findings = search(
            harness,
            places,
            options.kills,
            advance,
            stop_at_fault="faults" if options.mutant else None,
        )
    show(findings, console)
    if options.json:
        options.json.write_text(json.dumps(as_dict(findings), indent=2))
    sys.exit(0 if findings.is_clean else 1)


def parse_options() -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=4000, help="how many senders are killed")
    parser.add_argument("--store", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--provider", nargs="+", choices=PROVIDERS, default=list(PROVIDERS))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument(
        "--mutant", choices=MUTANTS, help="break the ledger on purpose: the harness must fail"
    )
    parser.add_argument(
        "--evidence",
        type=Path,
        default=Path(tempfile.gettempdir()) / "millrace-crash",
        help="folder for what a run leaves in which something went wrong (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write the counts to this file as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
