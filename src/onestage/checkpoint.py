"""Model folders in Hugging Face form: loaded with their weights, or with weights drawn anew."""

from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
)

from onestage.base_folder import (
    read_config,
    read_object,
    remote_code,
    require_trainable_type,
    weight_files,
    write_object,
)
from onestage.errors import InputError

transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def load_model(
    folder: Path,
    *,
    init: Literal["pretrained", "random"],
    seed: int,
    attention: str = "sdpa",
    halved: bool = False,
) -> Any:
    """Return a causal language model in fp32, on the GPU if there is one.

    No remote code, no pickle, no download. `halved` holds linear layers, but for the output head,
    in bf16, as autocast would read them; it computes under autocast only.

    Raises:
        InputError: no config, a type that is unknown or needs remote code; with `pretrained`,
            weights that are pickled, cut short, or missing from the folder or from the file.
            `random` draws them with `seed` from the config.
    """
    config = _config(folder)
    drawn = init == "random"
    model = _drawn(folder, config, seed, attention) if drawn else _read(folder, attention)
    if halved:
        halve_linear_layers(model)
    return model.to(_device())


def _read(folder: Path, attention: str) -> Any:
    weight_files(folder)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            attn_implementation=attention,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (ValueError, KeyError, OSError, RuntimeError, ImportError, SafetensorError) as error:
        raise InputError(f"{folder}: the model does not load ({error})") from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"{folder}: weights lack {', '.join(missing[:3])} ({len(missing)} tensors)"
        )
    return model


def halve_linear_layers(model: Any) -> None:
    """Hold the weights of linear layers, but for the output head, in bf16."""
    head = model.get_output_embeddings()  # its weights may be the embeddings, which add in fp32
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer is not head:
            layer.to(torch.bfloat16)


def _config(folder: Path) -> Any:
    named = read_config(folder)
    require_trainable_type(folder, named)
    if named["model_type"] not in CONFIG_MAPPING and "auto_map" in named:
        raise remote_code(folder, named["model_type"], "take a base of a type that is native")
    try:
        # Said aloud: unasked, transformers puts the question to the terminal and waits.
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, OSError) as error:
        raise InputError(f"{folder}/config.json: not usable ({error})") from error


def _drawn(folder: Path, config: Any, seed: int, attention: str) -> Any:
    torch.manual_seed(seed)
    try:
        drawn: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            config, dtype=torch.float32, attn_implementation=attention
        )
    except (ValueError, ImportError) as error:  # no such attention in this type, or here
        raise InputError(f"{folder}: no model with attention {attention} ({error})") from error
    return drawn


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Return the folder's tokenizer, with its chat template if there is one.

    Raises:
        InputError: no tokenizer.json.
    """
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{folder}/tokenizer.json: missing; the model needs its tokenizer")
    template = folder / "chat_template.jinja"
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(
        folder, local_files_only=True
    )
    if template.is_file():
        tokenizer.chat_template = template.read_text(encoding="utf-8")
    return tokenizer


def save_model(model: Any, folder: Path, state: dict[str, Any] | None = None) -> None:
    """Write config and safetensors; generation may use its cache again."""
    model.config.use_cache = True
    model.save_pretrained(folder, state_dict=state)
    file = folder / "config.json"
    write_object(file, read_object(file))
