"""Mutations: the code made wrong on purpose, in one place at a time. The tests have to notice each.

    python -m tests.mutations [--only WORD] [--list]

Each is applied to a copy of the project, and the tests that fold run there until the first one fails. Exits
with 1 when a mutation survives. The working copy is not touched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 900
AT_ONCE = ("--numprocesses", "auto", "--dist", "worksteal")
TESTS = (
    "tests/unit/test_projector.py",
    "tests/unit/test_reader.py",
    "tests/unit/test_store.py",
    "tests/unit/test_ties.py",
    "tests/unit/test_attribution.py",
    "tests/reference",
    "tests/properties/test_time.py",
    "tests/properties/test_controls.py",
    "tests/properties/test_fold.py",
)


class Mutation(NamedTuple):
    """`before` stands exactly once in `path`."""

    name: str
    path: str
    before: str
    after: str


MUTATIONS = (
    Mutation(
        "a comparison flipped: a retraction takes out what came after it",
        "projections/controls.py",
        "(p.received_at, p.occurred_at, p.event_id) < (k.received_at",
        "(p.received_at, p.occurred_at, p.event_id) > (k.received_at",
    ),
    Mutation(
        "a tie-break dropped: between bodies of one id and moment",
        "projections/controls.py",
        '\'received_at, occurred_at, event_id, body_hash, "partition", "offset"\'',
        '\'received_at, occurred_at, event_id, "partition", "offset"\'',
    ),
    Mutation(
        "a tie-break dropped: between events of one moment in a story",
        "projections/stories.py",
        "ORDER BY occurred_at, received_at,\n       event_id) AS n",
        "ORDER BY occurred_at, received_at\n       ) AS n",
    ),
    Mutation(
        "the check of the offset skipped",
        "projections/fold.py",
        "            if at.offset != stand:",
        "            if at.offset < 0:",
    ),
    Mutation(
        "a displaced copy kept",
        "projections/copies.py",
        "        script.execute(FORGET)\n",
        "",
    ),
    Mutation(
        "the copy that came first in the log counts, not the first admitted",
        "projections/copies.py",
        "WINDOW admitted AS (PARTITION BY event_id ORDER BY {ADMISSION})",
        'WINDOW admitted AS (PARTITION BY event_id ORDER BY "offset")',
    ),
    Mutation(
        "a copy that counts again stays aside as well",
        "projections/copies.py",
        "        script.execute(TAKE_BACK)\n",
        "",
    ),
    Mutation(
        "the oldest ids forgotten",
        "projections/known_ids.py",
        "return id_run.find(self.runs, hashes)",
        "return id_run.find(self.runs[1:], hashes)",
    ),
    Mutation(
        "an entity of an earlier batch gets another number",
        "projections/fold.py",
        "                self._entities.add(referred.hashes, referred.numbers)\n",
        "                pass\n",
    ),
    Mutation(
        "a control acts under the id of an earlier event",
        "projections/controls.py",
        '        UNION ALL BY NAME {_HELD.format(table="events")}\n',
        "",
    ),
    Mutation(
        "a repaired conflict counts beside its repair",
        "projections/controls.py",
        "k.replaced_event = p.event_id AND k.replaced_body = p.body_hash",
        "false AND k.replaced_body = p.body_hash",
    ),
    Mutation(
        "a chain of corrections is not followed to where it began",
        "projections/controls.py",
        "    _root(script)\n",
        "",
    ),
    Mutation(
        "a retraction that was retracted goes on acting",
        "projections/controls.py",
        "if effective.isdisjoint(overruling.get(one, ())):",
        "if True:",
    ),
    Mutation(
        "history in the order of arrival",
        "projections/stories.py",
        "ORDER BY occurred_at, received_at,",
        "ORDER BY received_at, occurred_at,",
    ),
    Mutation(
        "an entity belongs to the last one named, not to the first",
        "projections/stories.py",
        "arg_min(subject, n)) AS owner",
        "arg_max(subject, n)) AS owner",
    ),
    Mutation(
        "a cancellation takes out the refunds twice",
        "projections/ledger.py",
        "WHEN over OR cancels OR void THEN 0",
        "WHEN cancels THEN -coalesce(refunds, 0) WHEN over OR void THEN 0",
    ),
    Mutation(
        "a void order moves money",
        "projections/ledger.py",
        "WHEN over OR cancels OR void THEN 0",
        "WHEN over OR cancels THEN 0",
    ),
    Mutation(
        "events of nobody stay with the former owner of their entity",
        "projections/accumulate.py",
        "        script.execute(MOVED + _typed(plan))\n",
        "",
    ),
    Mutation(
        "a largest value that went is not sought anew",
        "projections/accumulate.py",
        "        if lost:\n            self._find_anew(of)\n",
        "",
    ),
    Mutation(
        "two user ids in one profile",
        "projections/identity.py",
        "if users[a] and users[b] and not link.forced:",
        "if users[a] and not link.forced and not nodes:",
    ),
    Mutation(
        "a subject that nobody names any more stays",
        "projections/fold.py",
        "                subjects.forget(script)\n",
        "                pass\n",
    ),
    Mutation(
        "the first thing said of a field holds",
        "projections/fields.py",
        "arg_max(value, said) AS value, max(said) AS said",
        "arg_min(value, said) AS value, min(said) AS said",
    ),
    Mutation(
        "money of any currency is added up",
        "projections/compiler.py",
        'conditions.append(f"{in_currency} = {parameters.bind(currency)}")',
        "pass",
    ),
    Mutation(
        "T goes as far as the partition that is ahead",
        "processors/reader.py",
        "return min((stands[one].recorded_at or BEGINNING for one in judged), default=BEGINNING)",
        "return max((stands[one].recorded_at or BEGINNING for one in judged), default=BEGINNING)",
    ),
    Mutation(
        "a failed event that comes again is lost",
        "projections/failures.py",
        "(sum(repeats) + count(*) - 1)::BIGINT AS repeats",
        "max(repeats)::BIGINT AS repeats",
    ),
    Mutation(
        "test events count",
        "projections/accumulate.py",
        "LEFT JOIN owners o ON o.entity = k.entity\nWHERE NOT e.test",
        "LEFT JOIN owners o ON o.entity = k.entity\nWHERE true",
    ),
)


class Outcome(NamedTuple):
    """`passed`: no test failed; `noticed`: one did, namely `by`. Neither where they did not get so far."""

    passed: bool
    noticed: bool
    by: str
    seconds: float


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations", description="Make the code wrong on purpose."
    )
    parser.add_argument("--only", default="", help="those with this word in their name")
    parser.add_argument("--list", action="store_true", help="name them and stop")
    asked = parser.parse_args(arguments)
    chosen = [one for one in MUTATIONS if asked.only in one.name]
    if asked.list:
        print("\n".join(one.name for one in chosen))
        return 0
    survivors = 0
    with TemporaryDirectory() as folder:
        sound = tried(None, Path(folder) / "project")
        if not sound.passed:
            print(f"the tests fail without any mutation ({sound.by}): mend that first")
            return 1
        for one in chosen:
            outcome = tried(one, Path(folder) / "project")
            survivors += not outcome.noticed
            verdict = f"noticed by {outcome.by}" if outcome.noticed else f"SURVIVED ({outcome.by})"
            print(f"{one.name}: {verdict}, {outcome.seconds:.0f} s", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} noticed")
    return 1 if survivors else 0


def tried(mutation: Mutation | None, project: Path) -> Outcome:
    """Run the tests over a copy with this mutation in it, or with none."""
    copied(project)
    if mutation is not None:
        mutate(mutation, project)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *AT_ONCE, *TESTS]
    paths = os.pathsep.join([str(project / ".namespace"), str(project)])
    environment = {**os.environ, "PYTHONPATH": paths, "HYPOTHESIS_PROFILE": "mutations"}
    try:
        run = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Outcome(False, False, "the time was over", time.monotonic() - began)
    failed = [line.split(" ")[1] for line in run.stdout.splitlines() if line.startswith("FAILED ")]
    by = failed[0] if failed else run.stdout.strip().rpartition("\n")[2]
    noticed = run.returncode in (1, 2) and bool(failed)  # 2: the others were stopped at the first failure
    return Outcome(run.returncode == 0, noticed, by, time.monotonic() - began)


def copied(project: Path) -> None:
    """What git knows of the working copy, as it stands."""
    shutil.rmtree(project, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, project / name
        if source.exists() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def mutate(mutation: Mutation, project: Path) -> None:
    """Raises ValueError when the place is not there, or not only once."""
    path = project / mutation.path
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise ValueError(
            f"{mutation.name}: its place stands {text.count(mutation.before)} times in {mutation.path}"
        )
    path.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
