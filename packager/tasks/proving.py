"""The live proof, by whatever server the recipe names, before or after publishing."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from packager.client import Client, RequestError
from packager.errors import PackagerError, ProofError
from packager.model_config.parse import parse, to_json
from packager.proof import live
from packager.proof.result import Proof, Verdict
from packager.repository.publish import Published, withdraw
from packager.server import gpus
from packager.server.external import external
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
    ServerSpec,
)
from packager.spec.serving import InstanceKind
from packager.tasks.staged import served_alone

if TYPE_CHECKING:
    from packager.proof.question import Question
    from packager.repository.layout import ModelPaths
    from packager.spec.recipe import RepositorySpec

NOT_EXPLICIT = "explicit model load / unload is not allowed"
"""What Triton answers to a load request when it does not run in explicit mode."""

AFTER_PUBLISHING = Proof(
    name="live", finding="by the external server", verdict=Verdict.after_publishing
)


def before_publishing(server: ServerSpec, model: ModelPaths, question: Question) -> Proof:
    """Have a server load the staged model and prove its answers.

    An external server that loads only what is in its repository is asked after publishing.

    Raises:
        ProofError, UnavailableError: the model did not load or did not answer right.
    """
    match server:
        case NoServerSpec():
            return live.skipped()
        case ExternalServerSpec():
            return _with_hosts_told(_loaded_under_another_name(server, model, question), question)
        case AutoServerSpec() | EmbeddedServerSpec() | DockerServerSpec():
            proof = _on_staged_repository(server, model, question)
            return _with_hosts_proven(server, model, question, proof)


def _with_hosts_told(proof: Proof, question: Question) -> Proof:
    """Return a proof of `config.pbtxt` that says so, where there are configs for hosts too."""
    hosts = question.recipe.serving.hosts
    if not hosts or proof is AFTER_PUBLISHING:
        return proof
    names = ", ".join(f"configs/{host.name}.pbtxt" for host in hosts)
    return replace(proof, finding=f"{proof.finding}; not run: {names} (this server's own is taken)")


def _with_hosts_proven(
    server: AutoServerSpec | EmbeddedServerSpec | DockerServerSpec,
    model: ModelPaths,
    question: Question,
    proof: Proof,
) -> Proof:
    """Prove each host's config that differs, on a server of its own; say of each what was done."""
    findings = [proof.finding]
    for host in question.recipe.serving.hosts:
        path = model.host_config(host.name)
        name = f"configs/{path.name}"
        if path.read_bytes() == model.config.read_bytes():
            findings.append(f"{name} is the same text as config.pbtxt")
        elif host.instance_group.kind is InstanceKind.KIND_GPU and not gpus.has_gpu():
            findings.append(f"{name} is not run: this host has no GPU")
        else:
            one = replace(question, recipe=question.recipe.on(host))
            _on_staged_repository(server, model, one, host=host.name)
            findings.append(f"{name} is served and answers as well")
    return replace(proof, finding="; ".join(findings))


def after_publishing(
    server: ExternalServerSpec,
    published: Published,
    repository: RepositorySpec,
    question: Question,
) -> Proof:
    """Prove on a server that follows the repository; on failure take the version back out."""
    try:
        return _asked(server, question, server.ready_timeout_s)
    except BaseException as error:
        withdraw(published, repository)
        if isinstance(error, PackagerError):
            raise ProofError(
                f"{error.problem}; version {published.version} is taken back, the previous state"
                " restored",
                where=error.where,
                remedy=error.remedy,
            ) from error
        raise


def _on_staged_repository(
    server: AutoServerSpec | EmbeddedServerSpec | DockerServerSpec,
    model: ModelPaths,
    question: Question,
    *,
    host: str | None = None,
) -> Proof:
    with served_alone(server, model, question, host=host) as (running, client):
        name = question.recipe.name
        live.prove_instances(client, question, model=name)
        return live.prove(client, question, grpc=running.endpoints.grpc is not None, model=name)


def _loaded_under_another_name(
    server: ExternalServerSpec, model: ModelPaths, question: Question
) -> Proof:
    """Load the staged bytes into a server in explicit mode, beside whatever it serves."""
    name = f"{question.recipe.name[:100]}__proof_{secrets.token_hex(4)}"
    config = parse(model.config.read_text())
    config.name = name
    for output in config.output:
        output.label_filename = ""
    paths = (model.artifact(question.version), *sorted(model.warmup.glob("*")))
    files = {path.relative_to(model.directory).as_posix(): path.read_bytes() for path in paths}
    with external(server) as running, Client(running.endpoints) as client:
        try:
            client.load(name, config_json=to_json(config), files=files)
        except RequestError as error:
            if NOT_EXPLICIT in str(error):
                return AFTER_PUBLISHING
            raise
        try:
            return live.prove(client, question, grpc=running.endpoints.grpc is not None, model=name)
        finally:
            client.unload(name)


def _asked(server: ExternalServerSpec, question: Question, timeout_s: float) -> Proof:
    with external(server) as running, Client(running.endpoints) as client:
        client.wait_for_model(question.recipe.name, question.version, timeout_s=timeout_s)
        proof = live.prove(
            client,
            question,
            grpc=running.endpoints.grpc is not None,
            model=question.recipe.name,
        )
        return _with_hosts_told(proof, question)
