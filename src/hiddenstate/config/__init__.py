"""Every option of a run, and the checked settings of one run."""

from hiddenstate.config.config import (
    SECTIONS,
    Config,
    config_from_dict,
    job_options,
    make_config,
    section_options,
    section_to_dict,
)
from hiddenstate.config.display_fields import DisplayConfig
from hiddenstate.config.fields import (
    AutoencoderConfig,
    RecurrentConfig,
    TrainingConfig,
)
from hiddenstate.config.option import JOBS
from hiddenstate.config.preparing_fields import DataConfig

__all__ = [
    "JOBS",
    "SECTIONS",
    "AutoencoderConfig",
    "Config",
    "DataConfig",
    "DisplayConfig",
    "RecurrentConfig",
    "TrainingConfig",
    "config_from_dict",
    "job_options",
    "make_config",
    "section_options",
    "section_to_dict",
]
