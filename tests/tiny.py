"""Tiny models with random weights and tokenizers of about 60 tokens, made in memory.

The module names here are written down a second time on purpose: they are what `textdream.model.sites` is held to.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import textdream

TEXT = "the cats sat on a mat , and he ran ."
SPECIAL = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
UNUSED = ["[unused0]", "[unused1]"]
WORDS = [
    "the",
    "a",
    "an",
    "and",
    "or",
    "but",
    "he",
    "she",
    "it",
    "they",
    "his",
    "her",
    "cat",
    "dog",
    "bird",
    "mat",
    "hat",
    "house",
    "tree",
    "sun",
    "moon",
    "star",
    "sat",
    "ran",
    "saw",
    "ate",
    "held",
    "on",
    "in",
    "under",
    "over",
    "with",
    "to",
    "of",
    "red",
    "blue",
    "old",
    "new",
    "big",
    "small",
    "fast",
    "slow",
    "day",
    "night",
    "hand",
    "hands",
    "sea",
    ",",
    ".",
    "!",
    "?",
]
PIECES = ["##s", "##ed", "##ing", "##er", "##ly", "##un"]
LAYERS, WIDTH, HEADS, INNER = 3, 16, 2, 24


def wordpiece() -> Any:
    """An uncased WordPiece tokenizer in BERT's manner."""
    vocabulary = {token: id_ for id_, token in enumerate([*SPECIAL, *UNUSED, *WORDS, *PIECES])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "pad", "sep", "unk", "mask")}
    return tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, **names)


def bytelevel(opening: bool = False) -> Any:
    """A byte-level BPE tokenizer in GPT-2's manner; with `opening`, a special token begins each text, as in Llama."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=70, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS[:48]), TEXT] * 3, trainer)
    if opening:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
        )
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=32, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )


@dataclass(frozen=True)
class Family:
    """How to make a model of one architecture, and where its sites are."""

    model: str
    config: str
    blocks: str
    up: str
    down: str
    out: str
    tokenizer: str = "wordpiece"
    options: dict[str, Any] = field(default_factory=dict)
    gated: bool = False
    shared: bool = False
    pooled: bool = False
    logits: bool = False


_SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
}
_DISTIL = {
    "dim": WIDTH,
    "n_layers": LAYERS,
    "n_heads": HEADS,
    "hidden_dim": INNER,
    "max_position_embeddings": 40,
}
_GPT2 = {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_inner": INNER, "n_positions": 40}
_ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
_GQA = {**_SIZES, **_ENDS, "num_attention_heads": 4, "num_key_value_heads": 2}
_BERT = ("encoder.layer.{}", "intermediate.dense", "output.dense", "attention.output.dense")
_LLAMA = ("layers.{}", "mlp.gate_proj", "mlp.down_proj", "self_attn.o_proj")
_NEOX = ("layers.{}", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", "attention.dense")
_MPNET = ("encoder.layer.{}", "intermediate.dense", "output.dense", "attention.attn.o")
_DISTILBERT = ("transformer.layer.{}", "ffn.lin1", "ffn.lin2", "attention.out_lin")
_ALBERT = ("encoder.albert_layer_groups.0.albert_layers.0", "ffn", "ffn_output", "attention.dense")
_ALBERT_SIZES = {**_SIZES, "embedding_size": 8, "hidden_act": "gelu_new"}
_ELECTRA_SIZES = {**_SIZES, "embedding_size": 8}

FAMILIES: dict[str, Family] = {
    "bert": Family("BertModel", "BertConfig", *_BERT, options=_SIZES, pooled=True),
    "bert_mlm": Family("BertForMaskedLM", "BertConfig", *_BERT, options=_SIZES, logits=True),
    "bert_class": Family("BertForSequenceClassification", "BertConfig", *_BERT, options=_SIZES, logits=True),
    "distilbert": Family("DistilBertForMaskedLM", "DistilBertConfig", *_DISTILBERT, options=_DISTIL, logits=True),
    "roberta": Family("RobertaForMaskedLM", "RobertaConfig", *_BERT, options=_SIZES, logits=True),
    "roberta_bare": Family("RobertaModel", "RobertaConfig", *_BERT, options=_SIZES, pooled=True),
    "mpnet": Family("MPNetForMaskedLM", "MPNetConfig", *_MPNET, options=_SIZES, logits=True),
    "electra": Family("ElectraForMaskedLM", "ElectraConfig", *_BERT, options=_ELECTRA_SIZES, logits=True),
    "albert": Family("AlbertForMaskedLM", "AlbertConfig", *_ALBERT, options=_ALBERT_SIZES, shared=True, logits=True),
    "albert_bare": Family("AlbertModel", "AlbertConfig", *_ALBERT, options=_ALBERT_SIZES, shared=True, pooled=True),
    "gpt2": Family(
        "GPT2LMHeadModel", "GPT2Config", "h.{}", "mlp.c_fc", "mlp.c_proj", "attn.c_proj", "bytelevel",
        {**_GPT2, **_ENDS}, logits=True,
    ),
    "gpt_neox": Family(
        "GPTNeoXForCausalLM", "GPTNeoXConfig", *_NEOX, "bytelevel", {**_SIZES, **_ENDS}, logits=True
    ),
    "llama": Family("LlamaForCausalLM", "LlamaConfig", *_LLAMA, "opening", _GQA, gated=True, logits=True),
    "qwen2": Family("Qwen2ForCausalLM", "Qwen2Config", *_LLAMA, "bytelevel", _GQA, gated=True, logits=True),
    "qwen3": Family(
        "Qwen3ForCausalLM", "Qwen3Config", *_LLAMA, "bytelevel", {**_GQA, "head_dim": 6}, gated=True, logits=True
    ),
    # No entry in the table: found by structure.
    "phi": Family(
        "PhiForCausalLM", "PhiConfig", "layers.{}", "mlp.fc1", "mlp.fc2", "self_attn.dense", "bytelevel",
        {**_SIZES, **_ENDS}, logits=True,
    ),
    "gemma": Family(
        "GemmaForCausalLM", "GemmaConfig", *_LLAMA, "opening", {**_GQA, "head_dim": 4}, gated=True, logits=True
    ),
    "opt": Family(
        "OPTForCausalLM", "OPTConfig", "decoder.layers.{}", "fc1", "fc2", "self_attn.out_proj", "bytelevel",
        {**_SIZES, **_ENDS, "ffn_dim": INNER, "word_embed_proj_dim": WIDTH}, logits=True,
    ),
}  # fmt: skip
BY_STRUCTURE = ("phi", "gemma", "opt")


def tokenizer_of(name: str) -> Any:
    kind = FAMILIES[name].tokenizer
    return wordpiece() if kind == "wordpiece" else bytelevel(kind == "opening")


def tiny_hf(name: str, seed: int = 0, **changes: Any) -> Any:
    """The Hugging Face model, in training mode as its class makes it, with activations of the order of one."""
    family = FAMILIES[name]
    # Two rows more than the tokenizer has, as padded tables do.
    options = {"vocab_size": len(tokenizer_of(name)) + 2, **family.options, **changes}
    config = getattr(tf, family.config)(**options)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hf = getattr(tf, changes.pop("model_class", family.model))(config)
        with torch.no_grad():
            for parameter in hf.parameters():
                if parameter.ndim == 2:
                    parameter.normal_(std=1.5 / parameter.shape[-1] ** 0.5)
                else:
                    parameter.add_(torch.randn_like(parameter), alpha=0.2)
            hf.get_input_embeddings().weight.normal_()
    return hf.train()


def tiny(name: str, seed: int = 0, **changes: Any) -> textdream.Model:
    return textdream.load(tiny_hf(name, seed, **changes), tokenizer_of(name))


def unpadded(name: str, seed: int = 0) -> textdream.Model:
    """With exactly as many rows as the tokenizer has tokens."""
    return tiny(name, seed, vocab_size=len(tokenizer_of(name)))


@contextmanager
def plain_mode(hf: Any):
    """Evaluation mode for a reference forward pass, and back."""
    training = [module for module in hf.modules() if module.training]
    hf.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def block_of(hf: Any, name: str, layer: int) -> Any:
    return hf.base_model.get_submodule(FAMILIES[name].blocks.format(layer))


def plain(hf: Any, name: str, site: str, layer: int | None, **inputs: torch.Tensor) -> torch.Tensor:
    """A whole site's activation by an ordinary forward pass with the test's own hook."""
    family = FAMILIES[name]
    seen: list[torch.Tensor] = []

    def first(value: Any) -> torch.Tensor:
        return value if isinstance(value, torch.Tensor) else value[0]

    def before(_module: Any, args: Any, kwargs: Any) -> None:
        seen.append(args[0] if args else kwargs["hidden_states"])

    def after(_module: Any, _args: Any, output: Any) -> None:
        seen.append(first(output))

    block = block_of(hf, name, layer or 0)
    handle = None
    if site == "embed":
        handle = block.register_forward_pre_hook(before, with_kwargs=True)
    elif site == "resid_post":
        handle = block.register_forward_hook(after)
    elif site in ("mlp_pre", "attn_out"):
        handle = block.get_submodule(family.up if site == "mlp_pre" else family.out).register_forward_hook(after)
    elif site in ("mlp_post", "head"):
        path = family.down if site == "mlp_post" else family.out
        handle = block.get_submodule(path).register_forward_pre_hook(before, with_kwargs=True)
    try:
        with plain_mode(hf):
            output = hf(**inputs)
    finally:
        if handle is not None:
            handle.remove()
    if site == "pooled":
        return output.pooler_output
    if site == "logits":
        return output.logits
    value = seen[layer if family.shared and layer else 0]
    shape = next(iter(inputs.values())).shape
    # OPT's blocks flatten batch and position for the feed-forward.
    return value.view(*shape[:2], -1)


def sites_of(name: str) -> list[tuple[str, int | None]]:
    """Every (site, layer) that a model of this family has."""
    family = FAMILIES[name]
    inside = ("resid_post", "mlp_pre", "mlp_post", "attn_out", "head")
    found: list[tuple[str, int | None]] = [("embed", None)]
    found += [(site, layer) for site in inside for layer in range(LAYERS)]
    return found + [("pooled", None)] * family.pooled + [("logits", None)] * family.logits


def some_ids(model: textdream.Model, batch: int = 4, pos: int = 7, seed: int = 1) -> torch.Tensor:
    """Random allowed tokens."""
    generator = torch.Generator().manual_seed(seed)
    allowed = model.tokens.allowed
    return allowed[torch.randint(len(allowed), (batch, pos), generator=generator)]


def replacements(model: textdream.Model, ids: Any, positions: Any, round_trip: bool = False) -> torch.Tensor:
    """Every text that differs from `ids` at one of `positions`, by allowed tokens: the brute force of a 1-opt check."""
    rows = []
    for position in positions:
        for token in model.tokens.allowed.tolist():
            if token != int(ids[position]):
                row = [int(id_) for id_ in ids]
                row[position] = token
                rows.append(row)
    if round_trip:
        tokenizer = model.tokens.tokenizer
        rows = [row for row in rows if tokenizer(tokenizer.decode(row, skip_special_tokens=True))["input_ids"] == row]
    return torch.tensor(rows)


def plain_neuron(
    model: textdream.Model, name: str, ids: Any, site: str, layer: int | None, position: int, index: int
) -> torch.Tensor:
    """A neuron's activations, one for each row of `ids`, by the reference forward pass."""
    with torch.no_grad():
        return plain(model.hf, name, site, layer, input_ids=torch.as_tensor(ids))[:, position, index]
