"""`metric_tags`, and `model_metrics`: which histograms a model reports.

Releases up to 24.10 do not know `model_metrics` and refuse the text.
Source: core, src/model_config_utils.cc (ValidateModelMetrics).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.rule import Finding

IDENTIFIER = Rule(
    id="TRN621",
    wording="metric control must specify 'metric_identifier'",
    remedy="name the metric's family in metric_identifier",
    judge=Judge.newer_core,
)
FAMILY = Rule(
    id="TRN622",
    wording="metric identifier must specify non-empty 'family'",
    remedy="name a metric, for example nv_inference_first_response_histogram_ms",
    judge=Judge.newer_core,
)
OPTIONS = Rule(
    id="TRN623",
    wording="metric control must specify 'histogram_options'",
    remedy="set histogram_options with its buckets",
    judge=Judge.newer_core,
)
BUCKETS = Rule(
    id="TRN624",
    wording="histogram options must specify non-empty 'buckets'",
    remedy="list the upper bounds of the buckets",
    judge=Judge.newer_core,
)
UNSORTED = Rule(
    id="TRN625",
    wording="Bucket Boundaries must be strictly sorted",
    remedy="list the upper bounds in rising order, each once",
    judge=Judge.newer_core,
)
TAG = Rule(
    id="TRN626",
    wording="metric_tags key '{key}' is no name of a Prometheus label: Triton ends when it makes"
    " the metrics",
    remedy="begin it with a letter, and use letters, digits and _",
    judge=Judge.abort,
    ordered=False,
)
RULES = (IDENTIFIER, FAMILY, OPTIONS, BUCKETS, UNSORTED, TAG)

_LABEL = re.compile("([A-Za-z0-9][A-Za-z0-9_]*)?")


def check(config: Any) -> Iterator[Finding]:
    """Yield what is wrong with the metrics, in Triton's order."""
    for index, control in enumerate(config.model_metrics.metric_control):
        place = ("model_metrics", "metric_control", index)
        buckets = control.histogram_options.buckets
        if not control.HasField("metric_identifier"):
            yield IDENTIFIER.at(*place)
        elif not control.metric_identifier.family:
            yield FAMILY.at(*place, "metric_identifier")
        if not control.HasField("histogram_options"):
            yield OPTIONS.at(*place)
        elif not buckets:
            yield BUCKETS.at(*place, "histogram_options")
        elif list(buckets) != sorted(set(buckets)):
            yield UNSORTED.at(*place, "histogram_options", "buckets")


def check_tags(config: Any) -> Iterator[Finding]:
    """Yield keys that Prometheus takes for no label."""
    for key in config.metric_tags:
        if not _LABEL.fullmatch(key):
            yield TAG.at("metric_tags", key, key=key)
