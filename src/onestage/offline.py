"""The environment that torch and Hugging Face libraries need before they are imported."""

import os
import sys
from pathlib import Path


def go_offline() -> None:
    """Forbid downloads and telemetry, and keep libraries quiet; call before importing them.

    Sampling and training order are the pipeline's: nothing here changes a result.
    """
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        WANDB_MODE="disabled",
        TOKENIZERS_PARALLELISM="false",
    )
    os.environ.setdefault("LMEVAL_LOG_LEVEL", "ERROR")
    # Threads that wait sleep: spinning, they starve each other on a machine that is shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    # accelerate asks DeepSpeed, if it is installed, for a device at import.
    if not Path("/dev/nvidia0").exists():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
