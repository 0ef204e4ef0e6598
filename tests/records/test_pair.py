"""PAIR's files as results. What each becomes is pinned in tests/data/pair/imported."""

import json

import jsonschema
import pytest

import textdream
from tests.records.pair_files import FILES, FOLDER, golden, lasting
from textdream.records import json_schema, read_pair, read_result, with_ids, write_result

DREAM = json.loads((FOLDER / "dream.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_becomes_of_a_file(path):
    assert lasting(read_pair(path)) == json.loads(golden(path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_a_result_that_is_written_and_read(path, tmp_path):
    result = read_pair(path)
    write_result(result, tmp_path / "r.json")
    assert read_result(tmp_path / "r.json") == result
    jsonschema.validate(json.loads(result.to_json()), json_schema())


def test_every_kind_is_there():
    kinds = {path.stem: read_pair(path).type for path in FILES}
    assert set(kinds.values()) == {"dream", "token_search", "similar", "reconstruct", "shift"}
