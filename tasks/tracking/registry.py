"""Versions in MLflow's model registry that point at the artifacts of a run. Nothing is loaded, and nothing run."""

from collections.abc import Mapping

from tasks.tracking.server import client, tracking_faults


def registered_version(model: str, about: str, run: str, tags: Mapping[str, str], aliases: tuple[str, ...]) -> str:
    """The version of a registered model that points at a run; created if it is not there.

    Args:
        model: the registered model's name; created if there is none.
        about: what its versions are, in Markdown.
        run: whose artifacts the version points at; an ``MLmodel`` file among them says what they are.
        tags: of the version.
        aliases: names that point at this version from now on.
    """
    with tracking_faults():
        known = client().search_registered_models(f"name = '{model}'", max_results=1)
        if not known:
            client().create_registered_model(model, description=about)
        versions = client().search_model_versions(f"name = '{model}'")
        number = next((one.version for one in versions if one.run_id == run), None)
        if number is None:
            source = client().get_run(run).info.artifact_uri
            number = client().create_model_version(model, source, run, tags=dict(tags)).version
        for alias in aliases:
            client().set_registered_model_alias(model, alias, number)
        return str(number)
