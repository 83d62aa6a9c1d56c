"""The runner that the README's tour is held to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.transcript import Step, agrees, run, steps

MARKDOWN = """
Text with `$ not a command`.

```console
$ sleep 30 &
$ cat > note <<'END'
one
END
$ cat \\
note
one
$ echo a; echo b
...
b
```

```python
$ nothing
```

```sh
$ test -e missing
$ echo never
```
"""


def test_commands_are_read_with_their_continuations_and_output() -> None:
    assert steps(MARKDOWN) == [
        Step("sleep 30 &", ""),
        Step("cat > note <<'END'\none\nEND", ""),
        Step("cat \\\nnote", "one"),
        Step("echo a; echo b", "...\nb"),
        Step("test -e missing", ""),
        Step("echo never", ""),
    ]


def test_commands_run_in_one_shell_up_to_the_first_failure(tmp_path: Path) -> None:
    outcomes = run(steps(MARKDOWN), tmp_path, os.environ, timeout=10)
    assert [(outcome.code, outcome.output) for outcome in outcomes] == [
        (0, ""),
        (0, ""),
        (0, "one"),
        (0, "a\nb"),
        (1, ""),
    ]


@pytest.mark.parametrize(
    ("output", "shown", "agree"),
    [
        ("", "", True),
        ("a  b\n", "a b", True),
        ("a\nb\nc", "a\n...\nc", True),
        ("a\nb\nc", "...\nb\n...", True),
        ('{"id": "x", "n": 1}', '{"id": ..., "n": 1}', True),
        ("a (1) *", "a (1) *", True),
        ("a\nb", "a", False),
        ("b", "a", False),
        ("", "a", False),
        ("a", "", False),
    ],
)
def test_shown_output_is_compared_with_gaps(output: str, shown: str, agree: bool) -> None:
    assert agrees(output, shown) is agree
