"""Set-up says what it does, and shows the output of what failed."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import create_venv

PINS = """
one==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:00
one==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:01
two==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:02
three==1.0 \\
    --hash=sha256:03
    # via one
"""


def test_packages_are_counted_once_and_without_those_of_another_system(tmp_path: Path) -> None:
    lock_file = tmp_path / "requirements.txt"
    lock_file.write_text(PINS)
    assert create_venv.count_packages(lock_file) == 2


def test_the_number_and_the_size_that_set_up_says_are_about_right() -> None:
    name, megabytes = create_venv.SETS["dev"]
    installed = len(list(importlib.metadata.distributions()))
    assert abs(create_venv.count_packages(create_venv.ROOT / name) - installed) < 10
    files = (path for path in Path(sys.prefix).rglob("*") if not path.is_symlink())
    assert 2 / 3 < sum(path.stat().st_size for path in files) / (megabytes * 1e6) < 3 / 2


def test_a_set_up_that_fails_shows_the_output_of_the_command_and_where_all_of_it_is(
    tmp_path: Path,
) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(create_venv.__file__, tmp_path / "tools")
    for name in ("run", "build"):
        (tmp_path / f"requirements-{name}.txt").write_text(PINS)
    (tmp_path / ".venv").write_text("a file where the folder should be")

    ran = subprocess.run(  # noqa: S603 - our own program
        (sys.executable, str(tmp_path / "tools/create_venv.py"), ".venv", "run"),
        capture_output=True,
        text=True,
        check=False,
    )

    said = ran.stdout.splitlines()
    log = tmp_path / "build/set-up-venv.log"
    assert ran.returncode == 1
    assert said[0].startswith(".venv: installing 2 packages, about 140 MB")
    assert said[-1] == f"set-up failed; the whole output is in {log}"
    assert log.read_text().strip() in ran.stdout
    assert "-m venv --clear" in ran.stdout
