"""Chats with model folders through plain transformers; run: python plain_chat.py FOLDER ...

Prints a JSON object by folder: the prompt's tokens, what ends a turn by each of the files, and the
answer, whose third token is forced to be that end.
"""

import json
import sys
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor

MESSAGES = [{"role": "user", "content": "头痛怎么办？服5 mg，血压≥140/90 mmHg。"}]
MAX_NEW_TOKENS = 6


class ForcedAsThird(LogitsProcessor):
    """Gives one token all likelihood at the third place, and none at any other."""

    def __init__(self, token: int, prompt_tokens: int) -> None:
        self._token = token
        self._place = prompt_tokens + 2

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        forced = torch.full_like(scores, -torch.inf)
        if input_ids.shape[1] == self._place:
            forced[:, self._token] = 0.0
            return forced
        scores[:, self._token] = -torch.inf
        return scores


def chat(folder: str) -> dict[str, Any]:
    """Return what the folder's own files make of MESSAGES."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    asked = tokenizer.apply_chat_template(
        MESSAGES, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    prompt = asked["input_ids"][0].tolist()
    ends = model.generation_config.eos_token_id
    first = ends[0] if isinstance(ends, list) else ends
    forced = ForcedAsThird(first, len(prompt))
    found = model.generate(
        **asked, max_new_tokens=MAX_NEW_TOKENS, do_sample=False, logits_processor=[forced]
    )
    return {
        "prompt": prompt,
        "ends": ends if isinstance(ends, list) else [ends],
        "config_end": model.config.eos_token_id,
        "answer_tokens": found[0].tolist()[len(prompt) :],
        "answer": tokenizer.decode(found[0][len(prompt) :]),
        "tokenizer_end": tokenizer.eos_token_id,
    }


if __name__ == "__main__":
    answers = {folder: chat(folder) for folder in sys.argv[1:]}
    assert not any(name.split(".")[0] == "onestage" for name in sys.modules)
    sys.stdout.write(json.dumps(answers))
