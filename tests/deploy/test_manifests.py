"""What deploy/ holds is valid, complete, and free of credentials; jobs are rendered by the real Kubernetes worker."""

import asyncio
import json
import re
from typing import Any
from uuid import uuid4

import jsonschema
import kubernetes_validate
import pytest
import yaml
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED, temporary_settings
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from tests.deploy.api_server import Cluster
from tests.deploy.manifests import ROOT, Manifest, kustomized, pods, pool_template, referred, validate

OBJECTS = kustomized()
GUIDE = (ROOT / "docs" / "kubernetes.md").read_text()


def rendered(kind: str, **values: Any) -> Manifest:
    """The Job that the worker would create of a flow run."""
    nowhere = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}
    with temporary_settings(nowhere):  # no server is needed, so none is started
        template = pool_template(kind)
        configuration = asyncio.run(KubernetesWorkerJobConfiguration.from_template_and_values(template, values))
        configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="evaluate t-c001"))
    return configuration.job_manifest


@pytest.mark.parametrize("kind", ["gpu", "cpu"])
def test_the_worker_renders_valid_jobs(kind: str) -> None:
    job = rendered(kind)
    validate(job)
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] > 0
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert {"/tmp", "/dev/shm", "/var/lib/archloop"} <= writable
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) == (kind == "gpu")
    # Designs are evaluated by the run itself: one that were told of the pool would ask for another pod.
    told = {one["configMapRef"]["name"] for one in container["envFrom"] if "configMapRef" in one}
    assert ("archloop-caller" in told) == (kind == "cpu")


def test_what_is_set_for_a_pool_or_a_run_reaches_its_job() -> None:
    job = rendered(
        "gpu",
        gpus=8,
        node_selector={"gpu": "h100"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        shared_memory="64Gi",
        seccomp_profile="Unconfined",
        runtime_class="nvidia",
        active_deadline_seconds=99,
        env={"CUDA_MODULE_LOADING": "EAGER"},
    )
    validate(job)
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 8
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"gpu": "h100"}, [{"key": "gpu", "operator": "Exists"}])
    assert {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}} in pod["volumes"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
    assert pod["runtimeClassName"] == "nvidia"
    assert job["spec"]["activeDeadlineSeconds"] == 99
    names = [one["name"] for one in pod["containers"][0]["env"]]
    assert "CUDA_MODULE_LOADING" in names
    assert "ARCHLOOP_MONGODB_URI" in names


def test_a_verification_has_the_deadline_that_the_guide_tells() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    pool = next(one["work_pool"] for one in deployments if one["name"] == "verify-design")
    assert pool["name"] == "archloop-gpu"
    job = rendered("gpu", **pool["job_variables"])
    validate(job)
    assert job["spec"]["activeDeadlineSeconds"] == 86400
    entries = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "value": "30"} in entries


def test_the_guide_checks_a_node_in_a_pod_like_the_template_s() -> None:
    told = json.loads(re.findall(r"--overrides='(.*?)'", GUIDE, re.S)[0])["spec"]
    pod = rendered("gpu")["spec"]["template"]["spec"]
    for setting in ("nodeSelector", "tolerations", "securityContext", "automountServiceAccountToken"):
        assert told[setting] == pod[setting]
    assert told["containers"][0]["securityContext"] == pod["containers"][0]["securityContext"]


@pytest.mark.parametrize("kind", ["gpu", "cpu"])
def test_every_variable_is_used_and_its_default_fits_its_schema(kind: str) -> None:
    template = pool_template(kind)
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])
    defaults = {name: one["default"] for name, one in template["variables"]["properties"].items() if one.get("default")}
    jsonschema.validate(defaults, template["variables"])


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_objects_are_valid(one: Manifest) -> None:
    validate(one)
    assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "archloop"


@pytest.mark.parametrize(
    "wrong",
    [
        {"resources": {"limits": {"nvidia.com/gpu": "some"}}},
        {"securityContext": {"runAsNonRoot": "yes"}},
        {"imagePullPolicies": "Always"},
    ],
)
def test_a_wrong_job_is_refused(wrong: Manifest) -> None:
    job = rendered("gpu")
    job["spec"]["template"]["spec"]["containers"][0] |= wrong
    with pytest.raises((kubernetes_validate.ValidationError, ValueError)):
        validate(job)


def test_nothing_is_missing_that_pods_refer_to() -> None:
    there = {(one["kind"], one["metadata"]["name"]): one for one in OBJECTS}
    # Secrets are made by hand: the guide says how, with every key.
    made = {
        name: set(re.findall(r"--from-literal=(\w+)=", rest))
        for name, rest in re.findall(r"kubectl create secret generic (\S+)((?:.*\\\n)*.*)", GUIDE)
    }
    templates = [rendered(kind) for kind in ("gpu", "cpu")]
    everything = [found for one in (*OBJECTS, *templates) for pod in pods(one) for found in referred(pod)]
    assert len(set(everything)) > 8
    for kind, name, key in everything:
        if kind == "Secret":
            assert key in made[name], f"the guide does not make key {key} of {name}"
        else:
            assert (kind, name) in there
            assert not key or key in there[kind, name]["data"]


def test_addresses_and_selectors_meet() -> None:
    labels = {
        one["spec"]["template"]["metadata"]["labels"]["archloop/role"]: one
        for one in (*OBJECTS, rendered("gpu"), rendered("cpu"))
        if pods(one)
    }
    services = {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == "Service"}
    for name, service in services.items():
        target = labels[service["spec"]["selector"]["archloop/role"]]
        ports = {port["name"]: port["containerPort"] for port in pods(target)[0]["containers"][0]["ports"]}
        assert ports[service["spec"]["ports"][0]["targetPort"]] == service["spec"]["ports"][0]["port"], name
    settings = next(one["data"] for one in OBJECTS if one["metadata"]["name"] == "archloop-settings")
    addresses = [*settings.values(), *re.findall(r"mongodb://\S+@(mongodb:\d+)/", GUIDE)]
    assert len(addresses) == 3
    for address in addresses:
        host, port = address.removeprefix("http://").split("/")[0].split(":")
        assert services[host]["spec"]["ports"][0]["port"] == int(port)
    for policy in (one for one in OBJECTS if one["kind"] == "NetworkPolicy"):
        roles = re.findall(r"'archloop/role': '([\w-]+)'", str(policy)) + [
            value
            for found in re.findall(r"'values': \[([^\]]*)\]", str(policy))
            for value in re.findall(r"[\w-]+", found)
        ]
        assert set(roles) <= set(labels), policy["metadata"]["name"]


def test_a_pod_whose_secret_is_missing_gives_its_gpu_back() -> None:
    """Of the stand-in for a cluster, which test_worker.py runs jobs on."""
    cluster, job = Cluster(1, {}, {"archloop-settings": {}}), rendered("gpu")
    job["metadata"]["name"] = "evaluate"
    with pytest.raises(KeyError, match="archloop-store"):
        cluster.run_pod(job)
    assert cluster.take_gpus(1)


def test_pools_deployments_and_workers_agree() -> None:
    pools = set(re.findall(r"prefect work-pool create (\S+)", GUIDE))
    started = {one["metadata"]["labels"]["archloop/pool"] for one in _templates() if "worker" in str(one["metadata"])}
    assert pools == started == {"archloop", "archloop-gpu"}
    caller = next(one["data"] for one in OBJECTS if one["metadata"]["name"] == "archloop-caller")
    flow, deployment = caller["ARCHLOOP_GPU_DEPLOYMENT"].split("/")
    known = {one["name"]: one for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    assert known[deployment]["entrypoint"].endswith("." + flow.replace("-", "_"))


def test_no_credential_lies_in_a_manifest_or_a_template() -> None:
    for one in (*OBJECTS, rendered("gpu"), rendered("cpu")):
        plain = [*one.get("data", {}).items(), *one.get("stringData", {}).items()]
        for pod in pods(one):
            for container in (*pod["containers"], *pod.get("initContainers", [])):
                entries = [entry for entry in container.get("env", []) if "value" in entry]
                assert not [entry["name"] for entry in entries if entry["name"].endswith("_URI")]
                plain += [(entry["name"], entry["value"]) for entry in entries]
        for name, value in plain:
            assert not re.search(r"(PASSWORD|AUTH_STRING|AUTH|TOKEN|KEY)$", name, re.I) or name.endswith("_SECRET_KEY")
            assert not name.upper().endswith("_URI") or "@" not in value, name
        assert not re.search(r"://[^/\s@]+:[^/\s@]+@", str(one))


def _templates() -> list[Manifest]:
    return [one["spec"]["template"] for one in OBJECTS if pods(one)]
