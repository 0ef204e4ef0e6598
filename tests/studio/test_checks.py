"""A form is checked while another run is under way: the model is not to be touched."""

from __future__ import annotations

import pytest

from tests.studio.serving import DREAM, TARGET, TEXT, studio_on
from textdream.studio.catalog import KINDS
from textdream.studio.continuing import continued
from textdream.studio.open import Ground, check

FORMS = {
    "dream": DREAM,
    "token-search": {"text": TEXT, "target": TARGET, "search": {"change": "all"}},
    "similar": {"text": TEXT, "target": TARGET},
    "diagnose": {"text": TEXT, "target": {**TARGET, "site": "mlp_post"}},
    "fill-mask": {"text": TEXT, "word": "he"},
    "reconstruct": {"text": TEXT, "search": {"site": "head", "head": 1}},
    "shift": {"text": "he ran", "search": {"word": "he", "replace_with": "she/she ran"}},
}


@pytest.mark.parametrize("experiment", list(FORMS))
def test_no_pass_of_the_model_is_made(loaded, tmp_path, monkeypatch, experiment):
    studio = studio_on(tmp_path / "runs", loaded)
    model = loaded["masked"]
    form = KINDS[experiment].form.model_validate(FORMS[experiment], strict=False)

    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a pass of the model was made")

    monkeypatch.setattr(model.hf, "forward", touched)
    check(experiment, form, Ground(model, studio.places))
    studio.store.close()


@pytest.mark.parametrize("experiment", ["token-search", "similar", "fill-mask", "shift"])
def test_what_keeps_nothing_to_go_on_from_begins_again_and_says_so(experiment):
    form = KINDS[experiment].form.model_validate(FORMS[experiment], strict=False)
    again, note = continued(form, None)
    assert again == form
    assert note.startswith("Begun again")
