import numpy as np
import pytest
from safetensors.numpy import save_file

import textdream
from tests.tiny import TEXT, tiny
from textdream.experiments.concept_examples import examples_of


@pytest.fixture(scope="module")
def concept(bert, tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "he-she.safetensors"
    examples = examples_of(bert, ["he sat .", "he ran ."], ["she sat .", "she ran ."], ("he", "she"))
    config = textdream.ConceptConfig(layers="0,2", repeats=1, controls=2)
    textdream.concept_fit(bert, config, examples=examples, out=path)
    return path


@pytest.mark.parametrize("kind", ["mean_difference", "logistic"])
def test_a_concept_is_dreamed_along_the_vector_of_the_layer(bert, concept, kind):
    given = f"{concept}:logistic" if kind == "logistic" else concept
    objective = textdream.direction(2, given)
    vector = textdream.read_concept(concept).vector(2, kind)
    assert objective.vector == pytest.approx(tuple(vector / np.linalg.norm(vector)), abs=1e-6)
    config = textdream.DreamConfig(method="sweep")
    result = textdream.dream(bert, TEXT, objective, config, position=2)
    same = textdream.dream(bert, TEXT, textdream.direction(2, vector.tolist()), config, position=2)
    assert result.best == same.best
    assert result.target.description == f"resid_post 2 direction she → he ({kind.replace('_', ' ')}) at position 2"
    assert result.certificate is not None
    assert result.certificate.holds


def test_a_dream_of_a_concept_can_be_verified(bert, concept, tmp_path):
    config = textdream.DreamConfig(method="sweep", certify=False)
    textdream.write_result(
        textdream.dream(bert, TEXT, textdream.direction(0, concept), config, position=2), tmp_path / "d"
    )
    assert textdream.verify(tmp_path / "d", bert).holds


def test_a_concept_fits_one_model_site_and_its_layers(bert, concept):
    with pytest.raises(textdream.InputError, match="a concept of"):
        textdream.dream(tiny("bert", seed=3), TEXT, textdream.direction(2, concept), position=2)
    with pytest.raises(textdream.InputError, match=r"layer 1 is not in .* 0, 2"):
        textdream.direction(1, concept)
    with pytest.raises(textdream.InputError, match="resid_post, and mlp_post"):
        textdream.direction(2, concept, site="mlp_post")
    with pytest.raises(textdream.InputError, match="cannot be read"):
        textdream.direction(2, f"{concept}:logit")


def test_of_several_vectors_the_layers_is_taken_by_name(tmp_path):
    save_file({f"layer.{layer}": np.eye(3, dtype=np.float32)[layer] for layer in range(3)}, tmp_path / "v")
    assert textdream.direction(1, tmp_path / "v").vector == (0.0, 1.0, 0.0)
    with pytest.raises(textdream.InputError, match=r"3 tensors, none named layer\.7"):
        textdream.direction(7, tmp_path / "v")
    save_file({"layer.1.mine": np.ones(3, np.float32), "layer.10.mine": np.ones(3, np.float32)}, tmp_path / "w")
    assert textdream.direction(1, tmp_path / "w").target().description == "resid_post 1 direction layer.1.mine"
    save_file({"layer.1.mean_difference": np.ones(3), "layer.1.logistic": np.array([0.0, 0, 2])}, tmp_path / "x")
    with pytest.raises(textdream.InputError, match="2 vectors for layer 1"):
        textdream.direction(1, tmp_path / "x")
    assert textdream.direction(1, f"{tmp_path / 'x'}:logistic").vector == (0.0, 0.0, 1.0)
