"""Settings: where they come from, what is told of a wrong one, and that the documentation has them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kizuna.runtime import settings
from kizuna.runtime.settings import PREFIX, Settings, load
from kizuna.schemas.errors import ConfigurationError

FIELDS = Settings.model_fields


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kizuna.toml"
    file.write_text('port = 1\nhost = "127.0.0.2"\ncurrency = "JPY"\n')
    monkeypatch.setenv("KIZUNA_PORT", "2")
    monkeypatch.setenv("KIZUNA_HOST", "127.0.0.3")
    loaded = load(file, port=3, host=None)
    assert (loaded.port, loaded.host, loaded.currency, loaded.batch_size) == (3, "127.0.0.3", "JPY", 50_000)
    assert loaded.model_fields_set == {"port", "host", "currency"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "has prot, which is no setting. Did you mean port?"),
        ("zzz = 1", "which is no setting. There are: host, port,"),
        ("port = 70000", "The setting port will not do: Input should be less than or equal to 65535"),
        ('port = "web"', "The setting port will not do"),
        ('time_zone = "Mars/Base"', "no such time zone: Mars/Base"),
        ('currency = "yen"', "The setting currency will not do"),
        ('store_memory = "lots"', "such as 512MB or 4GB"),
        ("port =", "is not TOML"),
    ],
)
def test_a_wrong_file_is_told_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "kizuna.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(said)) as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no settings file") as caught:
        load(tmp_path / "missing.toml")
    assert "--settings" in caught.value.hint


def test_a_wrong_variable_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIZUNA_PORT", "web")
    with pytest.raises(ConfigurationError, match="variable KIZUNA_PORT will not do"):
        load(None)
    monkeypatch.setenv("KIZUNA_LOGLEVEL", "debug")
    with pytest.raises(ConfigurationError, match="Did you mean KIZUNA_LOG_LEVEL"):
        load(None)


def test_the_samples_load(root: Path) -> None:
    minimal = load(root / "deploy" / "settings.minimal.toml")
    reference = load(root / "deploy" / "settings.reference.toml")
    assert 0 < len(minimal.model_fields_set) < 5
    assert reference.model_fields_set == set(FIELDS)
    assert reference.model_dump() == load(None).model_dump(), "the reference shows the defaults"


def test_the_reference_describes_every_setting_as_the_code_does(root: Path) -> None:
    text = (root / "deploy" / "settings.reference.toml").read_text()
    described = re.findall(r"^# (.*)\n(\w+) = ", text, re.MULTILINE)
    assert described == [(field.description, name) for name, field in FIELDS.items()]


def test_every_setting_is_documented(root: Path) -> None:
    """A row for each: name, variable, default and description as the code has them."""
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in (root / "docs" / "settings.md").read_text().splitlines()
        if row.startswith("| `")
    ]
    assert rows == [
        [f"`{name}`", f"`{PREFIX}{name.upper()}`", f"`{field.default}`", field.description]
        for name, field in FIELDS.items()
    ]


def test_every_setting_is_read(root: Path) -> None:
    """A setting nothing reads must not exist."""
    texts = [
        path.read_text()
        for path in (root / "runtime").glob("*.py")
        if path != Path(settings.__file__).resolve()
    ]
    whole = "\n".join(
        [*texts, (root / "runtime" / "settings.py").read_text().split("def settings_customise")[1]]
    )
    assert [name for name in FIELDS if not re.search(rf"(settings|self)\.{name}\b", whole)] == []
