"""The manifests under deploy/, read and validated as a Kubernetes API server would."""

import copy
import json
import re
import warnings
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

Manifest = dict[str, Any]
ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "kubernetes"
KUBERNETES = "1.33"
QUANTITY = re.compile(r"^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$")


def pool_template(kind: str) -> Manifest:
    """The base job template of the ``gpu`` or the ``cpu`` pool."""
    read: Manifest = json.loads((ROOT / "deploy" / "pools" / f"{kind}.json").read_text())
    return read


def kustomized() -> list[Manifest]:
    """Every object that the kustomization lists. A file that is missing, or is not listed, is an error."""
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    there = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there, "the kustomization lists other files than there are"
    return [one for name in listed for one in yaml.safe_load_all((FOLDER / name).read_text())]


def validate(manifest: Manifest) -> None:
    """Raise what is wrong with a manifest: unknown and missing fields, wrong types, quantities that are none."""
    known = copy.deepcopy(manifest)
    if known["kind"] == "Job":
        for name in ("parallelism", "completions"):  # Prefect demands them there; an API server drops them
            known["spec"]["template"]["spec"].pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kubernetes_validate.validate(known, KUBERNETES, strict=True)
    for quantity in quantities(known):
        if not QUANTITY.match(str(quantity)):
            raise ValueError(f"{quantity!r} is no quantity")


def quantities(part: Any) -> list[Any]:
    """Every amount of cores, memory, storage or devices in a manifest."""
    if isinstance(part, list):
        return [found for one in part for found in quantities(one)]
    if not isinstance(part, dict):
        return []
    own = [value for name in ("limits", "requests") for value in (part.get(name) or {}).values()]
    own += [part["sizeLimit"]] if "sizeLimit" in part else []
    return own + [found for one in part.values() for found in quantities(one)]


def pods(manifest: Manifest) -> list[Manifest]:
    """The PodSpec of a manifest that makes pods, in a list."""
    if manifest["kind"] in ("Job", "Deployment", "StatefulSet"):
        return [manifest["spec"]["template"]["spec"]]
    return []


def referred(part: Any) -> set[tuple[str, str, str]]:
    """What a PodSpec refers to by name and cannot do without: (kind, name, key), the key empty where it takes all."""
    if isinstance(part, list):
        return {found for one in part for found in referred(one)}
    if not isinstance(part, dict):
        return set()
    found = set()
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if field in part and not part[field].get("optional"):
            found.add((kind, part[field]["name"], part[field]["key"]))
    for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
        if field in part and not part[field].get("optional"):
            found.add((kind, part[field]["name"], ""))
    if "secret" in part:
        found |= {("Secret", part["secret"]["secretName"], item["key"]) for item in part["secret"]["items"]}
    if "claimName" in part:
        found.add(("PersistentVolumeClaim", part["claimName"], ""))
    if "serviceAccountName" in part:
        found.add(("ServiceAccount", part["serviceAccountName"], ""))
    return found | {one for value in part.values() for one in referred(value)}
