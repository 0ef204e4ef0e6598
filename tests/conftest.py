"""Shapes and types are checked while the tests run: the hook has to be there before textdream is imported."""

import sys

import jaxtyping

import tests.checking  # noqa: F401

assert "textdream" not in sys.modules
jaxtyping.install_import_hook("textdream", "tests.checking.checked")

import pytest  # noqa: E402
import torch  # noqa: E402

import textdream  # noqa: E402
from tests.tiny import TEXT, tiny  # noqa: E402

SENTENCE = "then he compressed his temples with his hands , as if to crush them ."


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tiny products are slower on two threads than on one, and threads that wait for each other hate company."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Lenses are kept in the user's cache: not in that of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def minilm():
    return textdream.load("minilm")


@pytest.fixture(scope="session")
def masked_lm():
    return textdream.load("bert-tiny-mlm")


@pytest.fixture(scope="session")
def smollm2():
    return textdream.load("smollm2")


@pytest.fixture(scope="session")
def bert():
    return tiny("bert")


@pytest.fixture(scope="session")
def gpt2():
    return tiny("gpt2")


@pytest.fixture(params=["bert", "gpt2"])
def encoder_or_decoder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def text():
    return TEXT
