"""The configuration's schema; `resolve` takes it from there.

Every YAML starts from one of these dataclasses, so a misspelt key or a wrong type fails when
Hydra composes.

OmegaConf knows no `Literal` and gives lists for tuples: Enum and list here, tuple in the spec.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import MISSING

from packager.schema.recipe import (
    ArchitectureConfig,
    AugmentationConfig,
    DatasetConfig,
    DatasetKind,
    DynamicBatchingConfig,
    ExportConfig,
    FileConfig,
    InstanceGroupConfig,
    NormalizeConfig,
    NoTrainerConfig,
    ServingConfig,
    SourceConfig,
    TensorConfig,
    TrainerConfig,
    VersionPolicyConfig,
    WeightsConfig,
)
from packager.schema.running import (
    AskingTaskConfig,
    BuildTaskConfig,
    CacheConfig,
    DockerServerConfig,
    EmbeddedServerConfig,
    EvaluateTaskConfig,
    ExternalServerConfig,
    ImagesTaskConfig,
    LeaderboardTaskConfig,
    OptunaSweeperConfig,
    PlanTaskConfig,
    PredictTaskConfig,
    ProfileTaskConfig,
    RepositoryConfig,
    ServerConfig,
    ServerKind,
    ServeTaskConfig,
    SweepConfig,
    TaskConfig,
    ValidateTaskConfig,
    VersionsTaskConfig,
)

__all__ = [
    "SCHEMAS",
    "ArchitectureConfig",
    "AskingTaskConfig",
    "AugmentationConfig",
    "BuildTaskConfig",
    "CacheConfig",
    "Config",
    "DatasetConfig",
    "DatasetKind",
    "DockerServerConfig",
    "DynamicBatchingConfig",
    "EmbeddedServerConfig",
    "EvaluateTaskConfig",
    "ExportConfig",
    "ExternalServerConfig",
    "FileConfig",
    "ImagesTaskConfig",
    "InstanceGroupConfig",
    "LeaderboardTaskConfig",
    "NoTrainerConfig",
    "NormalizeConfig",
    "OptunaSweeperConfig",
    "PlanTaskConfig",
    "PredictTaskConfig",
    "ProfileTaskConfig",
    "RepositoryConfig",
    "ServeTaskConfig",
    "ServerConfig",
    "ServerKind",
    "ServingConfig",
    "SourceConfig",
    "SweepConfig",
    "TaskConfig",
    "TensorConfig",
    "TrainerConfig",
    "ValidateTaskConfig",
    "VersionPolicyConfig",
    "VersionsTaskConfig",
    "WeightsConfig",
    "register",
]


@dataclass
class Config:
    """The whole configuration."""

    name: str = MISSING
    inputs: list[TensorConfig] = field(default_factory=list)
    outputs: list[TensorConfig] = field(default_factory=list)
    # Not MISSING: Hydra first composes a sweep without its recipe, values in them included.
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    trusted_packages: list[str] = field(default_factory=list)
    trainer: NoTrainerConfig = MISSING
    serving: ServingConfig = MISSING
    export: ExportConfig = MISSING
    repository: RepositoryConfig = field(default_factory=RepositoryConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    server: ServerConfig = MISSING
    task: TaskConfig = MISSING
    sweep: SweepConfig = field(default_factory=SweepConfig)
    allow_breaking: bool = False
    debug: bool = False


SCHEMAS: dict[str, type] = {
    "config": Config,
    "dataset": DatasetConfig,
    "architecture": ArchitectureConfig,
    "trainer": TrainerConfig,
    "no_trainer": NoTrainerConfig,
    "export": ExportConfig,
    "serving": ServingConfig,
    "instance_group": InstanceGroupConfig,
    "server": ServerConfig,
    "embedded_server": EmbeddedServerConfig,
    "docker_server": DockerServerConfig,
    "external_server": ExternalServerConfig,
    "task": TaskConfig,
    "build_task": BuildTaskConfig,
    "versions_task": VersionsTaskConfig,
    "plan_task": PlanTaskConfig,
    "serve_task": ServeTaskConfig,
    "evaluate_task": EvaluateTaskConfig,
    "predict_task": PredictTaskConfig,
    "profile_task": ProfileTaskConfig,
    "images_task": ImagesTaskConfig,
    "validate_task": ValidateTaskConfig,
    "leaderboard_task": LeaderboardTaskConfig,
    "optuna_sweeper": OptunaSweeperConfig,
}


def register() -> None:
    """Make the schemas known to Hydra as `/schema/<name>`."""
    store = ConfigStore.instance()
    for name, node in SCHEMAS.items():
        store.store(group="schema", name=name, node=node, provider="packager")
    _drop_plugins_optuna(store)


def _drop_plugins_optuna(store: ConfigStore) -> None:
    """Let `hydra/sweeper=optuna` be our YAML: Hydra refuses a second choice of that name.

    The plugin's own would minimise what is to be as high as can be.
    """
    Plugins.instance()  # finds them now, and so not later
    store.repo["hydra"]["sweeper"].pop("optuna.yaml", None)
