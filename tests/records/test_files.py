import json
import os
import stat

import pytest

import textdream
from textdream.records import (
    ModelInfo,
    Sample,
    Target,
    TokenSearchResult,
    TokenValue,
    check_writable,
    files,
    read_result,
    write_result,
    write_text,
)


@pytest.fixture
def result():
    return make()


def make(activation=1.5):
    return TokenSearchResult(
        textdream="0", created="2026-01-01T00:00:00+00:00", seed=0, settings={"top": 1}, seconds=0.5, position=1,
        model=ModelInfo(
            name="m", source="s", sha256="0" * 64, architecture="A", layers=1, width=2, vocabulary_size=3
        ),
        target=Target(kind="neuron", site="resid_post", layer=0, neuron=1, position=1),
        start=Sample(ids=[1, 2], tokens=["a", "“ü☃"], text="a ☃", activation=activation, round_trip=True),
        searched=3, tokens=[TokenValue(id=1, token="a", activation=-0.25)], worst=[],
    )  # fmt: skip


def test_what_is_written_is_read(result, tmp_path):
    path = tmp_path / "r.json"
    write_result(result, path)
    assert read_result(path) == result
    assert "☃" in path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


def test_floats_come_back_to_the_last_bit(tmp_path):
    value = 0.1 + 0.2
    write_result(make(value), tmp_path / "r.json")
    assert read_result(tmp_path / "r.json").start.activation == value


@pytest.mark.parametrize("raised", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failure_while_writing_leaves_the_old_file(result, tmp_path, monkeypatch, step, raised):
    path = tmp_path / "r.json"
    path.write_text("old")

    def fails(*_args, **_options):
        raise raised

    if step == "fsync":
        monkeypatch.setattr(files.os, "fsync", fails)
    else:
        monkeypatch.setattr(files.Path, step, fails)
    expected = textdream.ResultError if isinstance(raised, OSError) else type(raised)
    with pytest.raises(expected):
        write_result(result, path)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


def test_a_failure_while_writing_a_new_file_leaves_none(result, tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_result(result, tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


def test_the_mode_of_the_file_is_kept_or_the_umask_is_followed(result, tmp_path):
    path = tmp_path / "r.json"
    old = os.umask(0o027)
    try:
        write_result(result, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_result(result, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)


@pytest.mark.parametrize("where", ["absent/r.json", "."])
def test_places_that_cannot_be_written_are_refused_before(tmp_path, where):
    with pytest.raises(textdream.ResultError):
        check_writable(tmp_path / where)


def test_a_folder_without_permission_is_refused(tmp_path):
    """/proc takes no files, also not from root."""
    with pytest.raises(textdream.ResultError, match="cannot be written"):
        check_writable(files.Path("/proc/r.json"))
    with pytest.raises(textdream.ResultError, match="cannot be written"):
        write_text(files.Path("/proc/r.json"), "x")


def test_a_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(textdream.ResultError):
        check_writable(tmp_path / "file" / "r.json")


def test_check_writable_leaves_nothing(tmp_path):
    check_writable(tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_not_written(number):
    with pytest.raises(ValueError, match="finite"):
        make(number)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none_in_settings_are_not_written(result, tmp_path, number):
    changed = result.model_copy(update={"settings": {"top": number}})
    with pytest.raises((ValueError, textdream.ResultError)):
        write_result(changed, tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


def text_of(result, **changes):
    return json.dumps({**json.loads(result.to_json()), **changes})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"\xff\xfe\x00binary\x80", "not UTF-8"),
        (b"just words", "no JSON"),
        (b"[]", "no schema"),
        (b"3", "no schema"),
        (b"{}", "no schema"),
        (b'{"schema": "textdream.result/9"}', "schema 'textdream.result/9'"),
        (b'{"schema": "textdream.result/1"}', "does not follow"),
        (b'{"schema": "textdream.result/1", "type": "recipe"}', "does not follow"),
        (b"[" * 100_000, "holds|no JSON"),
    ],
)
def test_what_is_no_result_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(textdream.ResultError, match=sentence):
        read_result(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_says_so(result, tmp_path, share):
    text = result.to_json().rstrip()
    path = tmp_path / "r.json"
    path.write_text(text[: int(len(text) * share)])
    with pytest.raises(textdream.ResultError, match="cut short"):
        read_result(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"seconds": 0.5', '"activation": 1.5', '"activation": -0.25', '"top": 1'])
def test_numbers_that_are_none_are_not_read(result, tmp_path, number, place):
    text = result.to_json()
    assert place in text
    path = tmp_path / "r.json"
    path.write_text(text.replace(place, place.split(":")[0] + ": " + number))
    with pytest.raises(textdream.ResultError):
        read_result(path)


def test_keys_of_a_later_version_are_kept(result, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(text_of(result, novelty={"a": [1, 2]}))
    again = read_result(path)
    write_result(again, path)
    assert json.loads(path.read_text())["novelty"] == {"a": [1, 2]}


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": -1}, {"position": -1}, {"seconds": None}, {"tokens": 3}, {"start": {}}, {"model": {}},
        {"start": {"ids": [1], "tokens": ["a", "b"], "text": "", "activation": 1, "round_trip": True}},
        {"start": {"ids": [], "tokens": [], "text": "", "activation": 1, "round_trip": True}},
    ],
)  # fmt: skip
def test_keys_that_do_not_follow_the_schema_are_named(result, tmp_path, changes):
    path = tmp_path / "r.json"
    path.write_text(text_of(result, **changes))
    with pytest.raises(textdream.ResultError, match=next(iter(changes))):
        read_result(path)


def test_a_missing_file_or_a_folder_is_one_sentence(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(textdream.ResultError, match="cannot be read"):
            read_result(path)
