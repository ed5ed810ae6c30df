"""What `train.deepspeed` may say, beside the parameters that say the same in their own names."""

from typing import Any

from onestage.errors import InputError

# fmt: off
# What DeepSpeed 0.19 reads; it passes over any other key in silence.
KEYS = frozenset({
    "activation_checkpointing", "aio", "autotuning", "bf16", "bfloat16", "checkpoint", "comet",
    "comms_logger", "communication_data_type", "compile", "csv_monitor", "data_efficiency",
    "data_types", "dataloader_drop_last", "datastates_ckpt", "disable_allgather",
    "disable_python_gc", "dump_state", "expert_parallel", "flops_profiler", "fp16",
    "gradient_accumulation_steps", "gradient_allreduce_op", "gradient_clipping",
    "gradient_predivide_factor", "hybrid_engine", "log_level", "managed_gradient_accumulation",
    "memory_breakdown", "optimizer", "pipeline", "prescale_gradients", "scheduler",
    "seq_parallel_communication_data_type", "steps_per_print", "tensor_parallel", "tensorboard",
    "timers", "torch_autocast", "train_batch_size", "train_micro_batch_size_per_gpu",
    "use_data_before_expert_parallelism", "wall_clock_breakdown", "wandb", "weight_quantization",
    "zero_allow_untested_optimizer", "zero_force_ds_cpu_optimizer", "zero_optimization",
})
# fmt: on
_SECTIONS = ("zero_optimization", "bf16", "bfloat16", "fp16")
# Its own would take their place.
_TOLD_BY_PARAMETERS = {
    "scheduler": "schedule and its shares",
    "optimizer": "learning_rate, adam_betas and weight_decay",
}
_OFFLOADS = ("offload_optimizer", "offload_param")
_DEVICES = ("none", "cpu", "nvme")


def require_fit(configuration: dict[str, Any], own: dict[str, Any]) -> None:
    """Check a configuration by itself and against the section's `own` values.

    Raises:
        ValueError: a key that DeepSpeed does not know, a stage outside 0 to 3, a device to offload
            to that there is not, or a value that is not the one of the parameter for it.
    """
    unknown = sorted(str(key) for key in configuration if key not in KEYS)
    if unknown:
        raise ValueError(
            f"deepspeed.{unknown[0]} is no key of DeepSpeed; remove it or mend its spelling"
        )
    for name in _SECTIONS:
        if not isinstance(_value(configuration, name, {}), dict):
            raise ValueError(f"deepspeed.{name}: expected a mapping")
    _require_zero(configuration.get("zero_optimization", {}))
    for name, parameters in _TOLD_BY_PARAMETERS.items():
        if name in configuration:
            raise ValueError(f"deepspeed.{name}: {parameters} of train tell it; remove it")
    for name, parameter, expected in _same(own):
        found = _value(configuration, name, "auto")
        if found not in ("auto", expected):
            raise ValueError(
                f"deepspeed.{name} is {found}, but {parameter} asks for {expected}; write auto"
            )


def _require_zero(zero: dict[str, Any]) -> None:
    stage = zero.get("stage", 0)
    if type(stage) is not int or not 0 <= stage <= 3:
        raise ValueError(f"deepspeed.zero_optimization.stage: expected 0 to 3, found {stage!r}")
    for name in _OFFLOADS:
        place = zero.get(name) or {}
        device = place.get("device", "none") if isinstance(place, dict) else place
        if device not in _DEVICES:
            raise ValueError(
                f"deepspeed.zero_optimization.{name}: expected a mapping whose device is one of "
                f"{', '.join(_DEVICES)}, found {device!r}"
            )
        lowest = 1 if name == "offload_optimizer" else 3
        if device != "none" and stage < lowest:
            raise ValueError(
                f"deepspeed.zero_optimization.{name} needs ZeRO stage {lowest} or more, found "
                f"stage {stage}"
            )


def _same(own: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Return the keys whose value is a parameter's: key, parameter, value."""
    half = own["precision"] == "bf16"
    return [
        ("train_batch_size", "rows_per_step", own["rows_per_step"]),
        ("train_micro_batch_size_per_gpu", "rows_per_device", own["rows_per_device"]),
        ("gradient_clipping", "max_grad_norm", own["max_grad_norm"]),
        ("bf16.enabled", "precision", half),
        ("bfloat16.enabled", "precision", half),
        ("fp16.enabled", "precision", False),
    ]


def _value(configuration: dict[str, Any], name: str, absent: Any) -> Any:
    value: Any = configuration
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return absent
        value = value[key]
    return value


def require_usable(configuration: dict[str, Any], *, turns: int) -> None:
    """Check what only an installed DeepSpeed and the number of ranks can tell.

    `turns` are the micro-batches of each rank in a step.

    Raises:
        InputError: no DeepSpeed, other turns, or a value of `zero_optimization` that it refuses.
    """
    if not configuration:
        return
    try:
        from deepspeed.runtime.zero.config import get_zero_config  # noqa: PLC0415  (slow)
    except ImportError as error:
        package = (error.name or "deepspeed").partition(".")[0]
        raise InputError(
            f"train.deepspeed needs the package {package}; pip install --constraint "
            "constraints.txt --editable '.[deepspeed]'"
        ) from error
    asked = configuration.get("gradient_accumulation_steps", "auto")
    if asked not in ("auto", turns):
        raise InputError(
            f"train.deepspeed.gradient_accumulation_steps is {asked}, but rows_per_step, "
            f"rows_per_device and the number of ranks ask for {turns}; write auto"
        )
    zero = configuration.get("zero_optimization", {})
    try:
        get_zero_config({"zero_optimization": {k: v for k, v in zero.items() if v != "auto"}})
    except ValueError as error:  # pydantic's, with one fault or more
        faults: Any = getattr(error, "errors", list)() or [{"loc": (), "msg": str(error)}]
        place = ".".join(["train.deepspeed.zero_optimization", *map(str, faults[0]["loc"])])
        raise InputError(f"{place}: {faults[0]['msg']}") from error
