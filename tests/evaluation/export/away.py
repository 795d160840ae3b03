"""Run where archloop cannot be imported: ``python -I away.py FOLDER...`` prints what packages do, as JSON.

Each FOLDER is a package with ``case.safetensors`` (tokens [B, T]) beside it, and gets ``told.safetensors`` there.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ABSENT = ("kernels", "evaluation", "archdb", "tasks", "flows", "triton")
NEW = 12


def raised(call: Any) -> str:
    """What a call refuses with."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def told_of(folder: Path) -> dict[str, Any]:
    """Load a package, run it in every way, and write its tensors."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    beside = folder.with_name(f"{folder.name}-case")
    tokens = load_file(beside / "case.safetensors")["tokens"]
    random = torch.get_rng_state()
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
    drew = not torch.equal(random, torch.get_rng_state())
    greedy = {"max_new_tokens": NEW, "do_sample": False}
    if not (folder / "tokenizer.json").exists():  # a probe's
        told = {"logits": model(tokens).logits.detach(), "generated": model.generate(tokens, **greedy)}
        save_file(told, beside / "told.safetensors")
        return {"steps": model.steps}
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    out: dict[str, torch.Tensor] = {"logits": model(tokens).logits.detach()}
    out["stepped"] = model(tokens, use_cache=True).logits.detach()
    out["generated"] = model.generate(tokens, **greedy)
    out["whole"] = model.generate(tokens, use_cache=False, **greedy)
    sizes = []
    for length in (20, 40):
        cache = model(tokens[:, :length], use_cache=True).past_key_values
        sizes.append(cache and sum(one.numel() for group in cache.groups for one in tensors(group.state)))
    first = model.generate(tokens, return_dict_in_generate=True, **{**greedy, "max_new_tokens": NEW // 2})
    further = {} if first.past_key_values is None else {"past_key_values": first.past_key_values}
    out["resumed"] = model.generate(first.sequences, **further, **{**greedy, "max_new_tokens": NEW - NEW // 2})

    words = ["To be, or not", "O", "Was it a rat I saw? Aye \u2014 \u0100"]
    batch = tokenizer(words, return_tensors="pt", padding=True)
    out["batch"] = model(**batch).logits.detach()[:, -1]
    out["alone"] = torch.cat([model(**tokenizer([one], return_tensors="pt")).logits.detach()[:, -1] for one in words])
    together = model.generate(**batch, **greedy)[:, -NEW:]
    apart = torch.cat([model.generate(**tokenizer([one], return_tensors="pt"), **greedy)[:, -NEW:] for one in words])
    again = model.generate(**batch, use_cache=False, **greedy)[:, -NEW:]
    end = {**greedy, "eos_token_id": int(apart[0, 2])}  # a row that is over gets padding
    ended = model.generate(**batch, **end)[:, batch.input_ids.shape[1] :]
    right = tokenizer(words, return_tensors="pt", padding=True, padding_side="right")
    out["right"] = model(**right).logits.detach()[torch.arange(3), right.attention_mask.sum(1) - 1]
    unmasked = torch.ones_like(batch.attention_mask)
    holes = batch.attention_mask.clone()
    holes[:, -3] = 0
    state = lambda: model(tokens[:, :20], use_cache=True).past_key_values  # noqa: E731
    loss = model(tokens, labels=tokens).loss
    loss.backward()
    half = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dtype=torch.bfloat16)
    out["half"] = half(tokens).logits.detach().float()
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        tokenizer.save_pretrained(saved)
        twice = AutoModelForCausalLM.from_pretrained(saved, trust_remote_code=True)
        out["twice"] = twice(tokens).logits.detach()
        files = sorted(file.name for file in Path(saved).glob("*.py"))
        same = (
            AutoTokenizer.from_pretrained(saved, trust_remote_code=True)(words[2]).input_ids
            == tokenizer(words[2]).input_ids
        )
    out["after"] = model(tokens).logits.detach()
    save_file({name: one.contiguous() for name, one in out.items()}, beside / "told.safetensors")
    return {
        "steps": model.steps,
        "sizes": sizes,
        "drew": drew,
        "bytes": [tokenizer(one).input_ids == list(one.encode()) and tokenizer.decode(list(one.encode())) == one
                  for one in words],
        "padding": [tokenizer.pad_token_id, tokenizer.padding_side, len(tokenizer)],
        "together": together.tolist(),
        "apart": apart.tolist(),
        "again": again.tolist(),
        "end": end["eos_token_id"],
        "ended": ended.tolist(),
        "sampled": list(model.generate(**batch, max_new_tokens=4, do_sample=True, num_return_sequences=2).shape),
        "dtypes": sorted({str(one.dtype) for one in half.parameters()}),
        "half_text": half.generate(tokens, **greedy).shape[1],
        "gradients": all(one.grad is not None for one in model.parameters() if one.requires_grad),
        "loss": loss.item(),
        "files": files,
        "same_tokenizer": same,
        "beams": model.generate(tokens, num_beams=2, use_cache=False, **greedy).shape[1],
        "refused": {
            "right": raised(lambda: model.generate(**right, **greedy)),
            "right whole": raised(lambda: model.generate(**right, use_cache=False, **greedy)),
            "holes": raised(lambda: model(batch.input_ids, attention_mask=holes)),
            "unmasked": raised(lambda: model(batch.input_ids, attention_mask=unmasked)),
            "beams": raised(lambda: model.generate(tokens, num_beams=2, **greedy)) if model.steps else "",
            "other text": raised(lambda: model.generate(tokens + 1, past_key_values=state(), **greedy)),
            "short text": raised(lambda: model.generate(tokens[:, :9], past_key_values=state(), **greedy)),
            "other rows": raised(lambda: model(tokens[:1], past_key_values=state())),
            "long mask": raised(lambda: model(tokens[:, 5:], attention_mask=torch.ones_like(tokens))),
            "positions": raised(lambda: model(tokens, position_ids=torch.zeros_like(tokens))),
            "embeddings": raised(lambda: model(inputs_embeds=torch.zeros(1, 2, 32))),
        },
    }  # fmt: skip


def tensors(state: Any) -> list[Any]:
    """All tensors somewhere in a state."""
    import torch

    if isinstance(state, torch.Tensor):
        return [state]
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, tuple | list) else ()
    return [one for part in inner for one in tensors(part)]


if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(ABSENT))  # None: as if it were not installed
    print(json.dumps({name: told_of(Path(name)) for name in sys.argv[1:]}))
    assert not any(sys.modules[name] for name in ABSENT)
