"""Runs: found or started, tagged, closed, and found again by a tag."""

from collections.abc import Iterator, Mapping

from archdb import Campaign, Experiment
from tasks.tracking.scales import all_folders, folder_of
from tasks.tracking.server import client, tracking_faults

TAG = "archloop.experiment"
OPENED = "archloop.opened"  # when the experiment was opened: tells designs of one name in two stores from each other
PAGE = 200  # runs asked for at a time
MOST_SIGNS = 5000  # of a tag, so that MLflow, which refuses tags beyond 8000, takes any


def find_or_start_run(campaign: Campaign, experiment: Experiment, flow_run: str | None, at: float) -> str:
    """The id of the experiment's MLflow run, which is created, as started ``at``, if it does not exist."""
    with tracking_faults():
        folder = folder_of(campaign.scale, campaign.domain)
        found = client().search_runs([folder], _of(experiment), max_results=1)
        if found:
            return str(found[0].info.run_id)
        tags = {
            TAG: experiment.id,
            OPENED: repr(experiment.created_at),
            "archloop.campaign": campaign.id,
            "archloop.kind": experiment.kind,
            "archloop.cycle": "" if experiment.cycle is None else str(experiment.cycle),
            "archloop.parent": experiment.parents[0] if experiment.parents else "",
            "archloop.family": experiment.path[0] if experiment.path else experiment.id,
            "archloop.provider": campaign.provider,
            "archloop.sampler": campaign.sampler,
            "archloop.dataset": campaign.dataset,
            "prefect.flow_run": flow_run or "",
        }
        run = client().create_run(folder, start_time=int(at * 1000), run_name=experiment.name, tags=tags)
        return str(run.info.run_id)


def finish_run(run: str, at: float, *, failed: bool, tags: Mapping[str, str]) -> None:
    """Close the run as finished or failed ``at`` that time (seconds since the epoch), with its last tags."""
    with tracking_faults():
        set_tags(run, tags)
        client().set_terminated(run, status="FAILED" if failed else "FINISHED", end_time=int(at * 1000))


def set_tags(run: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run, whether it is closed or not."""
    from mlflow.entities import RunTag

    with tracking_faults():
        if tags:
            client().log_batch(run, tags=[RunTag(key, value[:MOST_SIGNS]) for key, value in tags.items()])


def tags_of(run: str) -> dict[str, str]:
    """The tags of a run."""
    with tracking_faults():
        return dict(client().get_run(run).data.tags)


def tagged_runs(tag: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The ids and tags of all runs of any scale that have this tag, those that were put into the bin included."""
    from mlflow.entities import ViewType

    with tracking_faults():
        ids, page = [one.experiment_id for one in all_folders()], None
        while ids:
            found = client().search_runs(ids, f"tags.`{tag}` != ''", ViewType.ALL, PAGE, page_token=page)
            yield from ((run.info.run_id, dict(run.data.tags)) for run in found)
            page = found.token
            if not page:
                return


def _of(experiment: Experiment) -> str:
    """The filter for what is tagged with this experiment, and not with one of its name in another store."""
    return f"tags.`{TAG}` = '{experiment.id}' AND tags.`{OPENED}` = '{experiment.created_at!r}'"


def link_traces(run: str, campaign: Campaign, experiment: Experiment) -> None:
    """Show the traces of an experiment's model calls on the page of its run."""
    from mlflow import flush_trace_async_logging

    with tracking_faults():
        flush_trace_async_logging()
        found = client().search_traces(
            locations=[folder_of(campaign.scale, campaign.domain)],
            filter_string=_of(experiment),
            include_spans=False,
            max_results=100,
        )
        if found:
            client().link_traces_to_run([one.info.trace_id for one in found], run)
