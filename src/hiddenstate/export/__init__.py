"""Writes a trained model in another language, after trying the result on rows."""

from hiddenstate.config.exports import TARGETS
from hiddenstate.export.export import Report, default_output, export_model

__all__ = ["TARGETS", "Report", "default_output", "export_model"]
