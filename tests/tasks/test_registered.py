"""A breakthrough in a real model registry: found by alias, described by a signature, and not to be run by MLflow."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from archdb import Campaign, Store, Verified, create_experiment, get_experiment, open_campaign, put_text, set_fields
from tasks import tracking
from tasks.gpu_train import WEIGHTS, weights_folder
from tasks.registered import register

SEED = 1_000_001


def test_a_breakthrough_is_one_version_with_a_signature_and_is_never_run(store: Store, tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model
    from mlflow.pyfunc import load_model

    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays"))
    design = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    one = create_experiment(store, "t-c001-verify", campaign="t", kind="verification", name="again", seeds=(SEED,))
    run = tracking.find_or_start_run(campaign, one, None, 1.0)
    mark = tmp_path / "was run"
    program = put_text(store, f"open({str(mark)!r}, 'w')\n")
    set_fields(store, one.id, mlflow_run=run, code=program)
    save_file({"text.embedding.weight": np.ones(3, np.float32)}, tmp_path / WEIGHTS)
    tracking.keep_file(run, tmp_path / WEIGHTS, weights_folder(SEED))
    result = {"confirmation": {"difference": 0.5, "p": 0.001}, "promoted": True}
    test = Verified(id="t/1", campaign="t", number=1, experiment=design.id, baseline="gla", result=result)

    versions = {register(store, campaign, design, get_experiment(store, one.id), test) for _ in range(2)}
    (version,) = tracking.client().search_model_versions("name = 'archloop-t'")
    assert versions == {str(version.version)}
    assert version.source.rstrip("/") == tracking.client().get_run(run).info.artifact_uri.rstrip("/")
    for alias in ("promoted", "t-c001"):
        assert tracking.client().get_model_version_by_alias("archloop-t", alias).version == version.version
    assert (version.run_id, version.tags[tracking.TAG], version.tags["archloop.p"]) == (run, "t-c001", "0.001")

    held = Path(tracking.client().download_artifacts(run, "", str(tmp_path)))
    model = Model.load(str(held))
    (tokens,), (logits,) = model.signature.inputs.inputs, model.signature.outputs.inputs
    assert (tokens.type, tokens.shape, logits.type, logits.shape) == (np.int64, (-1, -1), np.float32, (-1, -1, 256))
    assert datetime.fromisoformat(model.utc_time_created).replace(tzinfo=UTC).timestamp() == pytest.approx(
        one.created_at
    )
    told = model.flavors["archloop"]
    assert list(load_file(held / told["weights"][str(SEED)])) == ["text.embedding.weight"]
    assert (held / told["program"]).is_file()
    with pytest.raises(MlflowException, match="python_function"):
        load_model(str(held))
    assert not mark.exists()

    later = one.model_copy(update={"created_at": one.created_at + 1e-6})  # of the same name, in another store
    theirs = later.model_copy(
        update={"mlflow_run": tracking.find_or_start_run(campaign, later, None, 1.0), "code": program}
    )
    assert register(store, campaign, design, theirs, test) not in versions
