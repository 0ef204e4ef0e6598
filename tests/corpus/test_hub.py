"""Hugging Face data sets, with a module in place of the package, which needs a network."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from textdream.corpus.build import index_corpus
from textdream.corpus.readers import find_input
from textdream.errors import CorpusError

SETS = {
    ("imdb", None): {"train": [{"text": "the old cat"}, {"text": None}], "test": [{"text": "the moon"}]},
    ("ann/birds", None): {"test": [{"text": "a red mat"}]},
    ("wiki", "raw"): {"train": [{"text": "he ran"}]},
    ("wiki", "clean"): {"train": [{"text": "she ran"}]},
}


@pytest.fixture
def package(monkeypatch):
    """What `datasets` does, and says."""
    module = ModuleType("datasets")
    module.__spec__ = ModuleSpec("datasets", None)

    def names(name):
        found = [config for set_, config in SETS if set_ == name and config is not None]
        return found if name != "many" else [f"c{number}" for number in range(40)]

    def load_dataset(name, config=None, *, streaming):
        assert streaming
        if (name, config) in SETS:
            return SETS[name, config]
        if names(name) and config is None:
            raise ValueError(f"Config name is missing.\nPlease pick one among the available configs: {names(name)}")
        if names(name):
            raise ValueError(f"BuilderConfig {config!r} not found. Available: {names(name)}")
        raise FileNotFoundError(f"Couldn't find any data file at /x/{name}.")

    module.load_dataset, module.get_dataset_config_names = load_dataset, names
    monkeypatch.setitem(sys.modules, "datasets", module)


@pytest.mark.parametrize(
    ("name", "texts"),
    [("imdb", ["the old cat"]), ("ann/birds", ["a red mat"]), ("wiki:raw", ["he ran"]), ("wiki:clean", ["she ran"])],
)
def test_data_sets_are_found_by_their_names(package, bert, tmp_path, name, texts):
    index = index_corpus(bert, [name], tmp_path / "index")
    assert index.texts(range(index.manifest.corpus.sentences)) == texts
    assert [file.name for file in index.manifest.corpus.files] == [name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wiki", r"'wiki' has several configurations; one of raw, clean; give it as wiki:raw"),
        ("wiki:row", r"'wiki' has no configuration 'row'; one of raw, clean; give it as wiki:raw"),
        ("many", r"c10, c11 and 28 more; give it as many:c0"),
        ("imbd", r"no file 'imbd', and the data set of that name cannot be read \(Couldn't find"),
        ("ann/brids", r"no file 'ann/brids', and the data set of that name cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(package, name, said):
    with pytest.raises(CorpusError, match=said) as caught:
        list(find_input(name, "text", "lines").texts())
    assert "\n" not in str(caught.value)


def test_a_field_that_is_not_there(package):
    with pytest.raises(CorpusError, match="the data set imdb has no field 'body'"):
        list(find_input("imdb", "body", "lines").texts())


@pytest.mark.parametrize(
    "name", ["cats.txt", "a/cats.jsonl", "/etc/cats", "./cats", "~/cats", "a/b/c", "cats.doc", "*"]
)
def test_what_can_only_be_a_file_is_not_looked_for_elsewhere(package, name):
    with pytest.raises(CorpusError, match="does not exist"):
        find_input(name, "text", "lines")


def test_a_file_goes_before_a_data_set(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imdb").write_text("the sun\n", encoding="utf-8")
    assert list(find_input("imdb", "text", "lines").sentences("lines")) == ["the sun"]


@pytest.mark.parametrize("name", ["imdb", "ann/birds"])
def test_without_the_package_both_possibilities_are_named(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=rf"no file '{name}'.*need the package datasets.*pip install datasets"):
        find_input(name, "text", "lines")
