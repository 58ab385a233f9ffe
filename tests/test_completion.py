"""What a shell offers after Tab: groups, options, keys, values and files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from hydra.core.global_hydra import GlobalHydra

from ecomcat.cli import completion, suggestions
from ecomcat.config import COMMANDS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("products.csv", "archive (1).zip", ".hidden.csv", "sub/x.csv", "café.csv"):
        (tmp_path / name).touch()
    for study in ("outputs/search/mine", "outputs/search/other", "elsewhere/search/third"):
        (tmp_path / study / "trials" / "0007").mkdir(parents=True)
        (tmp_path / study / "study.json").touch()
    (tmp_path / "outputs/search/no_study").mkdir()
    GlobalHydra.instance().clear()
    yield tmp_path
    GlobalHydra.instance().clear()


CASES = [
    # groups and keys, of nested ones only the next part
    ("search", "mod", ["model.", "model=", "model_dir="]),
    ("search", "final.ret", ["final.retrain="]),
    ("search", "search.trial", ["search.trial_max_minutes="]),
    (
        "search",
        "data.sample_",
        ["data.sample_label_noise=", "data.sample_rows=", "data.sample_seed="],
    ),
    ("search", "model.ext", ["model.extra."]),
    ("search", "nothing_of_ours", []),
    ("predict", "d", ["data."]),
    ("evaluate", "d", ["data.", "data="]),
    ("search", "++search.na", ["++search.name="]),
    ("search", "~bud", ["~budget="]),
    ("search", "--h", ["--help"]),
    # options and values
    ("search", "budget=", ["budget=default", "budget=quick", "budget=thorough"]),
    ("search", "model=bilstm_", ["model=bilstm_64"]),
    ("search", "final.onnx=", ["final.onnx=false", "final.onnx=true"]),
    ("search", "model.bidirectional=", ["model.bidirectional=false", "model.bidirectional=true"]),
    (
        "search",
        "model.pooling=last+",
        ["model.pooling=last+max", "model.pooling=last+max+mean", "model.pooling=last+mean"],
    ),
    ("search", "budget=quick search.max_trials=", ["search.max_trials=20"]),
    (
        "search",
        "'model.dropout=0.2..0.4 log' budget=quick search.max_trials=",
        ["search.max_trials=20"],
    ),
    ("search", "no_such_key=1 search.max_trials=", []),
    ("search", "no_such_key.at_all=", []),
    ("predict", "batch_rows=", ["batch_rows=8192"]),
    # files
    (
        "search",
        "data.path=",
        [
            "data.path=archive (1).zip",
            "data.path=café.csv",
            "data.path=elsewhere/",
            "data.path=outputs/",
            "data.path=products.csv",
            "data.path=sub/",
        ],
    ),
    ("search", "data.path=.h", ["data.path=.hidden.csv"]),
    ("search", "data.path=sub/", ["data.path=sub/x.csv"]),
    ("search", "data.path=./p", ["data.path=./products.csv"]),
    ("search", "data.path='archive (", ["data.path=archive (1).zip"]),
    ("search", '"data.path=archive (', ["data.path=archive (1).zip"]),
    ("search", "data.path=archive\\ ", ["data.path=archive (1).zip"]),
    ("search", "data.path=no/such/", []),
    ("predict", "input=pro", ["input=products.csv"]),
    ("serve", "model_dir=s", ["model_dir=sub/"]),
    # studies and trials
    ("search", "search.name=", ["search.name=mine", "search.name=other"]),
    ("search", "outputs_dir=elsewhere search.name=", ["search.name=third"]),
    ("train", "search.from_trial=m", ["search.from_trial=mine/"]),
    ("train", "search.from_trial=mine/", ["search.from_trial=mine/0007"]),
    ("train", "search.from_trial=no_such/", []),
]


@pytest.mark.parametrize(("command", "typed", "offered"), CASES)
def test_what_is_offered(command, typed, offered):
    assert suggestions(command, f"ecomcat-{command} {typed}") == offered


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_word_is_offered_every_group_and_first_key(command):
    offered = suggestions(command, f"ecomcat-{command} ")
    assert len(offered) == len(set(offered)) >= 3


def test_what_follows_the_cursor_is_not_looked_at(monkeypatch):
    monkeypatch.setenv("COMP_LINE", "ecomcat-search budget= data.path=café.csv")
    monkeypatch.setenv("COMP_POINT", str(len("ecomcat-search budget=")))
    assert completion("search", ["-sc", "query=bash"]) == (
        "budget=default\nbudget=quick\nbudget=thorough\n"
    )


def test_a_name_that_is_no_line_of_text_does_not_hide_the_others(folder, monkeypatch):
    for name in (b"products-\xe9.csv", b"products\n.csv"):
        try:
            (folder / os.fsdecode(name)).touch()
        except OSError:
            pytest.skip("this file system has no such names")
    monkeypatch.setenv("COMP_LINE", "ecomcat-search data.path=prod")
    monkeypatch.setenv("COMP_POINT", "29")
    assert completion("search", ["-sc", "query=bash"]) == "data.path=products.csv\n"


def test_a_line_with_letters_of_another_encoding_is_no_error(monkeypatch):
    monkeypatch.setenv("COMP_LINE", os.fsdecode(b"ecomcat-search data.path=caf\xe9"))
    monkeypatch.setenv("COMP_POINT", "29")
    assert completion("search", ["-sc", "query=bash"]) == ""


def test_other_arguments_ask_for_no_completion(monkeypatch):
    monkeypatch.delenv("COMP_LINE", raising=False)
    for arguments in ([], ["budget=quick"], ["-sc", "query=bash"], ["-sc", "install=fish"]):
        assert completion("search", arguments) is None


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return one in which our commands are on the PATH, by scripts that start this checkout."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name in COMMANDS:
        script = programs / f"ecomcat-{name}"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ecomcat.{name} "$@"\n')
        script.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **more}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_the_query_of_a_shell_is_answered_by_lines(folder, shell):
    line = "ecomcat-predict 'data.text_column=[a, b]' input=a"
    done = subprocess.run(
        ["ecomcat-predict", "-sc", f"query={shell}"],
        env=environment(folder, COMP_LINE=line, COMP_POINT=str(len(line))),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("input=archive (1).zip\n", "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("word", "offered"),
    [
        ("search.max_t", ["search.max_trials="]),
        ("data.path=archive\\ ", ["data.path=archive (1).zip"]),
        ("'data.path=arch", ["data.path=archive (1).zip"]),
        ("no_such", []),
    ],
)
def test_bash_completes_a_line(folder, word, offered):
    # What Tab does: readline sets these variables and calls what was registered for the command.
    program = """\
eval "$(ecomcat-search -sc install=bash)" || exit 1
complete -p ecomcat-search ecomcat-predict > /dev/null || exit 1
COMP_LINE="ecomcat-search budget=quick $1"; COMP_POINT=${#COMP_LINE}
COMP_WORDS=(ecomcat-search budget=quick "$1"); COMP_CWORD=2
_ecomcat_complete ecomcat-search "$1" budget=quick
printf '%s\\n' "${COMPREPLY[@]}"
[[ $COMP_WORDBREAKS != *=* ]]
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "bash", word],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in done.stdout.splitlines() if line] == offered
    assert done.stderr == ""
