"""What can go wrong around an index: folders that are none, killed processes, full disks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.running import ROOT, environment
from tests.corpus.test_index import sentences, write
from tests.tiny import tiny
from textdream.configs import CorpusConfig, CorpusTopConfig
from textdream.corpus.build import BEGUN, building, index_corpus
from textdream.corpus.index import BUILDING, Index
from textdream.errors import CorpusError
from textdream.experiments.corpus_top import corpus_top


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    file = write(folder / "a.txt", sentences())
    index_corpus(tiny("bert"), [file], folder / "index")
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    shutil.copytree(whole / "index", tmp_path / "index")
    return tmp_path / "index"


def same(one, other):
    return {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in other.iterdir()
    }


def test_a_half_written_index_is_refused(bert, whole, tmp_path):
    run = building(bert, [str(whole / "a.txt")], tmp_path / "index", CorpusConfig())
    next(step for step in run if step.stage == "scanning")
    with pytest.raises(CorpusError, match="half-written"):
        Index.open(tmp_path / "index")
    run.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "textdream.corpus/9"}, "which this version reads"),
        ({"k": "many"}, "does not follow"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(copy, change, says):
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CorpusError, match=says):
        Index.open(copy)


@pytest.mark.parametrize("name", ["extremes.parquet", "sentences.parquet", "directions.safetensors"])
def test_an_index_that_lacks_a_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(CorpusError, match=f"lacks {name}"):
        Index.open(copy)


@pytest.mark.parametrize("name", ["extremes.parquet", "sentences.parquet", "neurons.parquet", "bands.parquet"])
def test_a_damaged_table_is_refused(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    with pytest.raises(CorpusError, match="cannot be read"):
        Index.open(copy).card("resid_post", 1, 2)


def test_damaged_directions_are_refused(copy):
    (copy / "directions.safetensors").write_bytes(b"{}")
    with pytest.raises(CorpusError, match="cannot be read"):
        Index.open(copy).direction("resid_post", 1, 2)


def test_random_directions_of_two_seeds_are_not_compared(bert, whole, tmp_path):
    index_corpus(bert, [str(whole / "a.txt")], tmp_path / "other", CorpusConfig(seed=1))
    both = CorpusTopConfig(layer=1, random_direction=0, against=str(tmp_path / "other"))
    with pytest.raises(CorpusError, match="other random directions"):
        corpus_top(bert, whole / "index", both)


def test_what_the_tokenizer_cannot_tell_apart_counts_once(bert, tmp_path):
    file = write(tmp_path / "a.txt", ["the old cat", "The old  CAT", "the cat"])
    found = index_corpus(bert, [file], tmp_path / "index")
    assert (found.manifest.corpus.sentences, found.manifest.corpus.duplicates) == (2, 1)
    assert found.texts([0, 1]) == ["the old cat", "the cat"]


INDEXING = """
import sys
import torch
import textdream.model.engine
from tests.tiny import tiny
from textdream.corpus import build, scan
# Which precision is faster is measured at each start, and an index of another precision has other bytes.
textdream.model.engine.search_dtype = lambda device: torch.float32
scan.BLOCK, scan.TOKENS, build.SECONDS_BETWEEN_CHECKPOINTS = 16, 40, -1.0
if sys.argv[3:]:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
build.index_corpus(tiny("bert"), [sys.argv[1]], sys.argv[2])
"""


def indexing(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", INDEXING, *map(str, arguments)],
        cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def indexed(*arguments):
    """(exit code, last line of what was said) of a process that runs to its end."""
    process = indexing(*arguments)
    said = process.communicate()[1].splitlines()
    return process.returncode, said[-1] if said else ""


def test_a_process_that_is_killed_for_good(whole, tmp_path):
    assert indexed(whole / "a.txt", tmp_path / "straight") == (0, "")
    folder = tmp_path / "index"
    process = indexing(whole / "a.txt", folder)
    while process.poll() is None and not (folder / BUILDING / "state.npz").exists():
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(CorpusError, match="half-written"):
        Index.open(folder)
    assert indexed(whole / "a.txt", folder) == (0, "")
    assert same(folder, tmp_path / "straight")


@pytest.mark.parametrize("limit", [5_000, 40_000])
def test_a_full_disk_loses_nothing(whole, tmp_path, limit):
    """A limit on the size of files stands in for the disk: the system refuses to write on."""
    assert indexed(whole / "a.txt", tmp_path / "straight") == (0, "")
    folder = tmp_path / "index"
    code, said = indexed(whole / "a.txt", folder, limit)
    assert code == 1
    assert "the disk is full" in said
    assert "goes on from its last checkpoint" in said
    assert indexed(whole / "a.txt", folder) == (0, "")
    assert same(folder, tmp_path / "straight")


def test_killed_while_files_are_put_in_their_place(bert, whole, tmp_path, monkeypatch):
    """Stopped after each of the moves, the same command ends with the same index."""
    replace = type(tmp_path).replace
    for stop in range(6):
        folder, count = tmp_path / f"index{stop}", 0

        def dying(self, target, folder=folder, stop=stop):
            nonlocal count
            if self.parent.name == BUILDING and target.parent == folder:
                if count == stop:
                    os._exit(9)
                count += 1
            return replace(self, target)

        child = os.fork()
        if child == 0:
            monkeypatch.setattr(type(tmp_path), "replace", dying)
            index_corpus(bert, [str(whole / "a.txt")], folder)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        other = write(tmp_path / f"other{stop}.txt", ["the old cat sat"])
        with pytest.raises(CorpusError, match="begun with other settings"):
            index_corpus(bert, [other], folder)
        index_corpus(bert, [str(whole / "a.txt")], folder)
        assert same(folder, whole / "index")


def test_killed_when_all_was_in_its_place(bert, whole, copy):
    """Only the folder in which the index was made is left over: the index is whole, and can be made again."""
    run = building(bert, [str(whole / "a.txt")], copy.parent / "half", CorpusConfig())
    next(step for step in run if step.stage == "scanning")
    begun = (copy.parent / "half" / BUILDING / BEGUN).read_bytes()
    run.close()
    (copy / BUILDING).mkdir()
    (copy / BUILDING / BEGUN).write_bytes(begun)
    assert Index.open(copy).manifest.corpus.sentences
    index_corpus(bert, [str(whole / "a.txt")], copy, force=True)
    assert same(copy, whole / "index")
