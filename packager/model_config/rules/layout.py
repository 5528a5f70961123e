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
    wording="failed to open text file for read {directory}/config.pbtxt: No such file or directory",
    remedy="write a config.pbtxt",
)
MISNAMED_CONFIG = Rule(
    id="TRN732",
    wording="Triton reads {expected}, not {file}",
    remedy="rename it",
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
    wording="{file} is not UTF-8: {problem}; Triton logs an error for such text, and clients may"
    " not be able to read it",
    remedy="write it as UTF-8",
    judge=Judge.packager,
    severity=Severity.warning,
)
BROKEN_LINK = Rule(
    id="TRN736",
    wording="failed to stat file {path}",
    remedy="remove the link, which leads nowhere: Triton refuses the model that holds it",
)
LINK_OUT = Rule(
    id="TRN737",
    wording="{link} is a link out of the repository, to {target}: a server that sees the repository"
    " only, as in a container, does not find it",
    remedy="copy what it leads to, or mount that as well",
    judge=Judge.packager,
    severity=Severity.warning,
)
NO_ACCESS = Rule(
    id="TRN738",
    wording="{file} cannot be read: {problem}",
    remedy="let the server's user read it",
    judge=Judge.packager,
)
EMPTY = Rule(
    id="TRN739",
    wording="the repository holds no model",
    remedy="name the directory whose sub-directories are models",
    judge=Judge.packager,
    severity=Severity.warning,
)
TOO_DEEP = Rule(
    id="TRN740",
    wording="Triton takes the directory '{directory}' for a model, and models are inside it:"
    " {models}",
    remedy="give the server this directory as a repository of its own (--model-repository may be"
    " given several times), or move the models up",
    judge=Judge.packager,
)
TOO_LARGE = Rule(
    id="TRN741",
    wording="{file} has {size} bytes: it is not checked",
    remedy="put weights and data into files of their own",
    judge=Judge.packager,
    severity=Severity.warning,
)
UNREACHABLE_NAME = Rule(
    id="TRN742",
    wording="no HTTP request reaches model '{model}': clients write {characters} as %XX in a URL,"
    " and Triton does not turn that back",
    remedy="use letters, digits, '_', '-' and '.' only",
    judge=Judge.packager,
    severity=Severity.warning,
)
CONFIG_IS_DIRECTORY = Rule(
    id="TRN743",
    wording="{file} is a directory: the whole server ends when it reads it",
    remedy="write a file of this name",
    judge=Judge.abort,
)
RULES = (
    UNREADABLE,
    NO_CONFIG,
    MISNAMED_CONFIG,
    NO_MODEL,
    MODEL_AS_REPOSITORY,
    NO_UTF8,
    BROKEN_LINK,
    LINK_OUT,
    NO_ACCESS,
    EMPTY,
    TOO_DEEP,
    TOO_LARGE,
    UNREACHABLE_NAME,
    CONFIG_IS_DIRECTORY,
)

UNKNOWN_PATH = Unknown("<model directory>/config.pbtxt")
