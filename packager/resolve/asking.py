"""The tasks that run a server, or ask one."""

from __future__ import annotations

from packager import schema
from packager.errors import SpecError
from packager.resolve.paths import absolute
from packager.spec.asking import Asked, EvaluateTask, PredictTask, ProfileTask, ServeTask


def asking_task(
    config: schema.ServeTaskConfig | schema.AskingTaskConfig,
) -> ServeTask | EvaluateTask | PredictTask | ProfileTask:
    """Return the task of the chosen kind.

    Raises:
        SpecError: a value is out of range, or `task.images` is no string nor a list of them.
    """
    match config:
        case schema.ServeTaskConfig():
            return _serve(config)
        case schema.EvaluateTaskConfig():
            return _evaluate(config)
        case schema.PredictTaskConfig():
            return _predict(config)
        case schema.ProfileTaskConfig():
            return _profile(config)
        case _:
            raise TypeError(f"no task has {type(config).__name__}")


def _serve(config: schema.ServeTaskConfig) -> ServeTask:
    return ServeTask(
        control=config.control,
        load=None if config.load is None else tuple(config.load),
        host=config.host,
        log=absolute(config.log),
        print=config.print,
    )


def _asked(config: schema.AskingTaskConfig) -> Asked:
    return Asked(
        model=config.model,
        version=config.version,
        protocol=config.protocol,
        timeout_s=config.timeout_s,
        retries=config.retries,
    )


def _evaluate(config: schema.EvaluateTaskConfig) -> EvaluateTask:
    return EvaluateTask(
        asked=_asked(config),
        batch=config.batch,
        concurrency=config.concurrency,
        limit=config.limit,
        output=absolute(config.output),
        format=config.format,
    )


def _predict(config: schema.PredictTaskConfig) -> PredictTask:
    return PredictTask(
        asked=_asked(config),
        images=_images(config.images),
        top=config.top,
        invert=config.invert,
        output=absolute(config.output),
        format=config.format,
    )


def _profile(config: schema.ProfileTaskConfig) -> ProfileTask:
    return ProfileTask(
        asked=_asked(config),
        concurrency=tuple(config.concurrency),
        batch=tuple(config.batch),
        instances=tuple(config.instances),
        p99_ms=config.p99_ms,
        seconds=config.seconds,
        output=absolute(config.output),
        format=config.format,
    )


def _images(given: object) -> tuple[str, ...]:
    images = [] if given is None else given if isinstance(given, list) else [given]
    texts = tuple(str(image) for image in images if isinstance(image, str | int))
    if len(texts) != len(images) or "" in texts:
        raise SpecError(
            f"is {given!r}; expected the name of a file, or a list of them",
            where="task.images",
            remedy="quote what the command line reads otherwise: 'task.images=[\"a=1.png\"]'",
        )
    return texts
