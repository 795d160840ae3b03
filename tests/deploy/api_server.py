"""A stand-in for a Kubernetes API server: it validates strictly, records Jobs, and runs their pods as local processes.

It knows what Prefect's worker and observer ask for: Jobs (create, read, list, watch, delete), Pods (list, watch) and
discovery.
Secrets and ConfigMaps are what a test gives; GPUs are a number, and a pod that finds too few of them stays pending.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.deploy.manifests import Manifest, validate

NAMES = {"jobs": ("batch/v1", "Job"), "pods": ("v1", "Pod")}
RESOURCES = {
    "v1": [
        {"name": "pods", "kind": "Pod"},
        {"name": "events", "kind": "Event"},
        {"name": "namespaces", "kind": "Namespace"},  # without which an observer of some namespaces waits for ever
    ],
    "batch/v1": [{"name": "jobs", "kind": "Job"}],
}


class Cluster:
    """The state: what was created, who watches it, and which pods run."""

    def __init__(self, gpus: int, secrets: dict[str, dict[str, str]], settings: dict[str, dict[str, str]]) -> None:
        self.free, self.secrets, self.settings = gpus, secrets, settings
        self.created: list[Manifest] = []  # every Job that was accepted
        self.objects: dict[str, dict[str, Manifest]] = {"jobs": {}, "pods": {}}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.watchers: dict[str, list[queue.Queue[Manifest]]] = {"jobs": [], "pods": []}
        self.told: list[tuple[int, str, Manifest]] = []  # every event, with its version and kind
        self.lock, self.version = threading.RLock(), 0

    def tell(self, kind: str, event: str, one: Manifest) -> None:
        with self.lock:
            self.version += 1
            one["metadata"]["resourceVersion"] = str(self.version)
            told = {"type": event, "object": json.loads(json.dumps(one))}
            self.told.append((self.version, kind, told))
            for watcher in self.watchers[kind]:
                watcher.put(told)

    def watch(self, kind: str, since: int) -> "queue.Queue[Manifest]":
        """The events of a kind after a version, as they come."""
        events: queue.Queue[Manifest] = queue.Queue()
        with self.lock:
            for version, of, told in self.told:
                if version > since and of == kind:
                    events.put(told)
            self.watchers[kind].append(events)
        return events

    def create_job(self, job: Manifest) -> Manifest:
        """Accept a Job and start its pod. Raises what is wrong with it."""
        validate(job)
        with self.lock:
            metadata = job["metadata"]
            metadata["name"] = metadata.pop("generateName", "job-") + uuid.uuid4().hex[:5]
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": stamp()}
            self.created.append(json.loads(json.dumps(job)))
            job["status"] = {"active": 1}
            self.objects["jobs"][metadata["name"]] = job
            self.tell("jobs", "ADDED", job)
            threading.Thread(target=self.run_pod, args=(job,), daemon=True).start()
        return job

    def run_pod(self, job: Manifest) -> None:
        template, name = job["spec"]["template"], job["metadata"]["name"]
        labels = template["metadata"]["labels"] | {"job-name": name}
        metadata = {"name": f"{name}-0", "namespace": "archloop", "uid": str(uuid.uuid4()), "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | {"creationTimestamp": stamp()}}
        pod |= {"spec": template["spec"], "status": {"phase": "Pending"}}
        container = template["spec"]["containers"][0]
        wanted = int(container["resources"]["limits"].get("nvidia.com/gpu", 0))
        self.objects["pods"][metadata["name"]] = pod
        self.tell("pods", "ADDED", pod)
        while not self.take_gpus(wanted):
            if name not in self.objects["jobs"]:
                return
            time.sleep(0.1)
        try:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / container["args"][0]), *container["args"][1:]],
                env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self.environment(container)},
                start_new_session=True,
            )
            self.processes[name] = process
            pod["status"] = {"phase": "Running", "startTime": stamp()}
            self.tell("pods", "MODIFIED", pod)
            code = process.wait()
        finally:
            self.add_gpus(wanted)
        pod["status"] = {"phase": "Failed" if code else "Succeeded"}
        self.tell("pods", "MODIFIED", pod)
        if name in self.objects["jobs"]:
            job["status"] = {"failed": 1} if code else {"succeeded": 1}
            self.tell("jobs", "MODIFIED", job)

    def take_gpus(self, number: int) -> bool:
        """Whether so many were free; then they are taken."""
        with self.lock:
            enough = self.free >= number
            self.free -= number if enough else 0
        return enough

    def add_gpus(self, number: int) -> None:
        with self.lock:
            self.free += number

    def environment(self, container: Manifest) -> dict[str, str]:
        """What the container's process gets. KeyError: a Secret or ConfigMap, or a key of it, is missing."""
        found: dict[str, str] = {}
        for one in container.get("envFrom", []):
            source = one.get("configMapRef") or one.get("secretRef")
            known = self.settings if "configMapRef" in one else self.secrets
            found |= known.get(source["name"], {}) if source.get("optional") else known[source["name"]]
        for one in container["env"]:
            if "valueFrom" not in one:
                found[one["name"]] = one["value"]
                continue
            ref = one["valueFrom"]["secretKeyRef"]
            if not ref.get("optional") or ref["name"] in self.secrets:
                found[one["name"]] = self.secrets[ref["name"]][ref["key"]]
        return found

    def delete_job(self, name: str) -> None:
        with self.lock:
            job = self.objects["jobs"].pop(name)
        self.kill_pod(name, signal.SIGTERM)
        self.tell("jobs", "DELETED", job)

    def kill_pod(self, job: str, by: signal.Signals) -> None:
        process = self.processes.get(job)
        if process is not None and process.poll() is None:
            os.killpg(process.pid, by)


def stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def serve(cluster: Cluster) -> ThreadingHTTPServer:
    """The cluster's API on loopback; its ``server_port`` tells where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def answer(self, body: Manifest, code: int = 200) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def refuse(self, code: int, reason: str, message: str) -> None:
            status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
            self.answer(status | {"reason": reason, "message": message, "code": code}, code)

        def body(self) -> Manifest:
            read: Manifest = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
            return read

        def do_GET(self) -> None:
            path, asked = urlsplit(self.path).path.strip("/").split("/"), parse_qs(urlsplit(self.path).query)
            group = "/".join(path[1:3]) if path[0] == "apis" else path[1] if len(path) > 1 else ""
            kind = next((one for one in NAMES if one in path), "")
            if path == ["version"]:
                self.answer({"major": "1", "minor": "33", "gitVersion": "v1.33.0"})
            elif path == ["api"]:
                self.answer({"kind": "APIVersions", "versions": ["v1"]})
            elif path == ["apis"]:
                version = {"groupVersion": "batch/v1", "version": "v1"}
                batch = {"name": "batch", "versions": [version], "preferredVersion": version}
                self.answer({"kind": "APIGroupList", "groups": [batch]})
            elif not kind and group in RESOURCES:
                rows = [
                    one | {"namespaced": True, "singularName": one["kind"].lower(), "verbs": ["list", "watch", "patch"]}
                    for one in RESOURCES[group]
                ]
                self.answer({"kind": "APIResourceList", "groupVersion": group, "resources": rows})
            elif kind and path[-1] != kind:
                found = cluster.objects[kind].get(path[path.index(kind) + 1])
                self.answer(found) if found else self.refuse(404, "NotFound", "no such object")
            elif kind and "watch" in asked:
                self.watch(kind, int(asked.get("resourceVersion", ["0"])[0]))
            elif kind:
                version, name = NAMES[kind]
                head = {"kind": f"{name}List", "apiVersion": version}
                with cluster.lock:
                    metadata = {"resourceVersion": str(cluster.version)}
                    items = [one for one in cluster.objects[kind].values() if matches(one, asked)]
                self.answer(head | {"metadata": metadata, "items": items})
            else:
                self.refuse(404, "NotFound", "no such path")

        def watch(self, kind: str, since: int) -> None:
            events = cluster.watch(kind, since)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(json.dumps(events.get()).encode() + b"\n")
                    self.wfile.flush()
            except OSError:
                cluster.watchers[kind].remove(events)

        def do_POST(self) -> None:
            given = self.body()
            if not self.path.split("?")[0].endswith("/jobs"):
                self.answer(given, 201)  # an event that somebody noted
                return
            try:
                self.answer(cluster.create_job(given), 201)
            except Exception as fault:
                self.refuse(422, "Invalid", str(fault)[:300])

        def do_DELETE(self) -> None:
            name = urlsplit(self.path).path.rpartition("/")[2]
            self.body()
            if name not in cluster.objects["jobs"]:
                self.refuse(404, "NotFound", "no such job")
                return
            cluster.delete_job(name)
            self.answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def matches(one: Manifest, asked: dict[str, list[str]]) -> bool:
    labels = one["metadata"]["labels"]
    wanted = [part for part in asked.get("labelSelector", [""])[0].split(",") if part]
    return all(
        (labels.get(part.split("=")[0]) == part.split("=")[1]) if "=" in part else part in labels for part in wanted
    )
