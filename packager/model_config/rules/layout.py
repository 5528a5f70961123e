"""Files and directories of a repository, before any config is understood.

Source: core, src/model_repository_manager/ (Poll, InitializeModelInfo).
"""

from __future__ import annotations

from packager.model_config.rules.rule import Judge, Rule, Severity, Unknown

UNREADABLE = Rule(
    id="TRN101",
    wording="failed to read text proto from {path}",
    remedy="see ModelConfig in Triton's model_config.proto for the fields there are",
)
NO_CONFIG = Rule(
    id="TRN731",
    wording="failed to open text file for read {path}: No such file or directory",
    remedy="write a config.pbtxt",
)
MISNAMED_CONFIG = Rule(
    id="TRN732",
    wording="Triton reads config.pbtxt, not {file}",
    remedy="rename it to config.pbtxt",
    judge=Judge.packager,
)
NO_MODEL = Rule(
    id="TRN733",
    wording="Triton takes the directory '{directory}' for a model, and it is none",
    remedy="move it out of the repository",
    judge=Judge.packager,
)
MODEL_AS_REPOSITORY = Rule(
    id="TRN734",
    wording="{file} lies in the repository itself: Triton looks for models one level deeper",
    remedy="name the directory above, or put the model into a directory of its own",
    judge=Judge.packager,
)
NO_UTF8 = Rule(
    id="TRN735",
    wording="{file} is not UTF-8: {problem}",
    remedy="write it as UTF-8, without a byte order mark",
    judge=Judge.packager,
    severity=Severity.error,
)
RULES = (UNREADABLE, NO_CONFIG, MISNAMED_CONFIG, NO_MODEL, MODEL_AS_REPOSITORY, NO_UTF8)

UNKNOWN_PATH = Unknown("<model directory>/config.pbtxt")
