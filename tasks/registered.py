"""Breakthroughs in MLflow's model registry: program, trained weights and a signature, and nothing that runs them.

A version has no flavour that MLflow can load: loading would execute a design's program, which is done in a jailed child
alone. It says where the program and the safetensors of each seed lie, and what goes in and comes out.
"""

from datetime import UTC, datetime
from typing import Any

from archdb import Campaign, Experiment, Store, Verified, get_text
from evaluation import Scale
from tasks import tracking
from tasks.domain import domain_of
from tasks.gpu_train import WEIGHTS, weights_folder

PROGRAM = "design/candidate.py"
FLAVOUR = "archloop"  # what MLflow does not know, it does not load
PROMOTED = "promoted"  # alias of the last one that the sealed hold-out agreed to
ABOUT = (
    "Designs of the campaign {campaign} that beat its best baseline that has a rank on fresh seeds, trained at the "
    "scale {scale}. The alias `promoted` is the last one that the sealed hold-out agreed to; each version also has its "
    "experiment's id as an alias. A version is a program, weights as safetensors for each seed and task, and a "
    "signature. MLflow cannot load it: that would run a program that nobody has read."
)


def register(store: Store, campaign: Campaign, design: Experiment, repeated: Experiment, one: Verified) -> str:
    """Register a breakthrough, as it was trained on fresh seeds, and return its version.

    Args:
        store: where its program is.
        campaign: whose registered model it becomes a version of.
        design: the design.
        repeated: its repetition on fresh seeds, whose MLflow run has the weights.
        one: the test, with what the hold-out said.
    """
    run, promoted = repeated.mlflow_run or "", bool(one.result["promoted"])
    tracking.log_text(run, get_text(store, repeated.code or ""), PROGRAM)
    tracking.log_text(run, _description(campaign, repeated), "MLmodel")
    found = one.result["confirmation"]
    return tracking.registered_version(
        f"archloop-{campaign.id}",
        ABOUT.format(campaign=campaign.id, scale=campaign.scale),
        run,
        {
            tracking.TAG: design.id,
            "archloop.name": design.name,
            "archloop.baseline": one.baseline,
            "archloop.difference": f"{found['difference']:+.3f}",
            "archloop.p": f"{found['p']:.3g}",
            "archloop.promoted": str(promoted).lower(),
        },
        (design.id, PROMOTED) if promoted else (design.id,),
    )


def _description(campaign: Campaign, repeated: Experiment) -> str:
    """The text of the ``MLmodel`` file: signature, and where things are."""
    from mlflow.models import Model

    scale = domain_of(campaign.domain).scale(campaign.scale)
    checked = repeated.stage("compile-check")
    model = Model(
        run_id=repeated.mlflow_run,
        signature=_signature(scale) if isinstance(scale, Scale) else None,
        utc_time_created=str(datetime.fromtimestamp(repeated.created_at, UTC).replace(tzinfo=None)),  # MLflow's form
        model_uuid=repeated.id,
        flavors={
            FLAVOUR: {
                "program": PROGRAM,
                "weights": {str(seed): f"{weights_folder(seed)}/{WEIGHTS}" for seed in repeated.seeds},
                "tasks": [plan.task for plan in scale.tasks],
                "scale": campaign.scale,
                "mlp_hidden": int(checked.summary["mlp_hidden"]) if checked else 0,
            }
        },
    )
    return str(model.to_yaml())


def _signature(scale: Scale) -> Any:
    """Tokens in, logits out, by one of the scale's tasks. Of other domains' designs nobody here knows such a thing."""
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec, Schema, TensorSpec
    from numpy import dtype

    tokens = TensorSpec(dtype("int64"), (-1, -1), "tokens")
    logits = TensorSpec(dtype("float32"), (-1, -1, scale.vocabulary), "logits")
    task = ParamSpec("task", DataType.string, scale.tasks[0].task)
    return ModelSignature(Schema([tokens]), Schema([logits]), ParamSchema([task]))
