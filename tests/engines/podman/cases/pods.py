"""Pods, user namespaces, builds and what else podman makes containers for."""

import json
import os

import busybox
from engine import IMAGE, Container
from suite import ROOT, USER, case, contains, equal

# The image's own program as infra container: podman's is built from a package of its own. No cgroup of
# the pod's: on a hybrid host podman leaves folders for controllers behind that are not mounted.
INFRA = ("--infra-image", IMAGE, "--infra-command", "/bin/sleep 600", "--network", "none")
INFRA += ("--share-parent=false",)


@case("a pod: its containers share the namespaces that it names, and go with it")
def pod(podman):
    podman("pod", "create", "--name", "shared", "--share", "net,ipc,uts,pid", *INFRA).ok()
    try:
        links = "for n in net ipc uts pid; do readlink /proc/self/ns/$n; done"
        found = [podman.shell(links, options=("--pod", "shared")).ok() for _ in range(2)]
        equal(found[1], found[0], "namespaces")
        equal(podman.run("ps", "-o", "comm", options=("--pod", "shared")).ok().split()[1:], ["sleep", "ps"])
        podman("pod", "stop", "--time", "0", "shared").ok()
        podman("pod", "start", "shared").ok()
        equal(podman.run("hostname", options=("--pod", "shared")).ok(), "shared")
    finally:
        podman("pod", "kill", "shared")
        podman("pod", "rm", "--force", "shared")


# Rootless: as root, kube play makes the pod's cgroup come what may.
@case("kube play: a pod from YAML, with a config map, a read-only root and no capability", USER)
def kube(podman):
    container = {
        "name": "c",
        "image": IMAGE,
        "command": ["/bin/sh", "-c", "cat /config/key; id -u; touch /x; grep CapBnd /proc/self/status; sleep 600"],
        "env": [{"name": "PATH", "value": "/bin"}],
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "runAsUser": 77,
            "capabilities": {"drop": ["ALL"]},
            "allowPrivilegeEscalation": False,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/config"}],
    }
    pod_spec = {
        "hostNetwork": True,  # the other kind needs a network of podman's
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "values"}}],
    }
    documents = (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "values"}, "data": {"key": "value\n"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kp"}, "spec": pod_spec},
    )
    path = f"{podman.work}/pod.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n---\n".join(json.dumps(one) for one in documents))
    try:
        podman("kube", "play", path).ok()
        Container(podman, "kp-c").await_log(f"CapBnd:\t{0:016x}")
        done = podman("logs", "kp-c")
        equal(done.out.split()[:2], ["value", "77"])
        contains(done.err, "/x: Read-only file system")
    finally:
        podman("kube", "down", path)


@case("build: RUN in its order, with users, secrets, and the exit code of one that fails")
def build(podman):
    folder = f"{podman.work}/context"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/secret", "w", encoding="ascii") as file:
        file.write("hush\n")

    def built(steps):
        with open(f"{folder}/Containerfile", "w", encoding="ascii") as file:
            file.write(f"FROM {IMAGE}\n{steps}")
        secret = ("--secret", f"id=s,src={folder}/secret")
        isolation = ("--isolation", "oci" if podman.root else "rootless")
        return podman("build", *isolation, "--network", "none", *secret, "--tag", "built", folder)

    done = built("RUN id -u >/ids\nUSER 5\nRUN id -u; pwd\nRUN --mount=type=secret,id=s,uid=5 cat /run/secrets/s\n")
    contains(done.ok().split("\n"), "hush")
    contains(done.out.split("\n"), "5")
    equal(podman("run", "--rm", "localhost/built", "cat", "/ids").ok(), "0")
    equal(built("RUN exit 7\n").status, 7, "exit code")


@case("--userns keep-id: the caller's own id, inside and on a volume", USER)
def keep_id(podman):
    folder = f"{podman.work}/kept"
    os.makedirs(folder)
    options = ("--userns", "keep-id", "-v", f"{folder}:/v")
    equal(podman.shell("touch /v/f; id -u", options=options).ok(), str(os.getuid()))
    equal(os.stat(f"{folder}/f").st_uid, os.getuid(), "owner")


@case("--uidmap: ids of its own, and a root whose files are theirs")
def uidmap(podman):
    first = "100000" if podman.root else "1000"
    options = ("--uidmap", f"0:{first}:2000", "--gidmap", f"0:{first}:2000")
    script = "cat /proc/self/uid_map; touch /f; stat -c %u /f /etc"
    equal(podman.shell(script, options=options).ok().split(), ["0", first, "2000", "0", "0"])


@case("--rootfs: a folder instead of an image, and :O over it")
def rootfs(podman):
    folder = f"{podman.work}/rootfs"
    busybox.make_rootfs(folder)
    equal(podman("run", "--rm", "--rootfs", folder, "/bin/echo", "folder").ok(), "folder")
    podman("run", "--rm", "--rootfs", f"{folder}:O", "/bin/touch", "/new").ok()
    assert not os.path.exists(f"{folder}/new"), "the overlay wrote below"


@case("a health check runs in the container")
def health(podman):
    options = ("--health-cmd", "test -e /healthy", "--health-interval", "disable", "--health-retries", "1")
    with podman.container("sleep", "600", options=options) as c:
        assert podman("healthcheck", "run", c.id).status != 0
        c.exec("touch", "/healthy").ok()
        podman("healthcheck", "run", c.id).ok()


@case("secrets as files and as variables")
def secrets(podman):
    podman("secret", "create", "word", "-", stdin="hush").ok()
    try:
        equal(podman.run("cat", "/run/secrets/word", options=("--secret", "word")).ok(), "hush")
        options = ("--secret", "word,type=env,target=WORD")
        equal(podman.shell("echo $WORD", options=options).ok(), "hush")
    finally:
        podman("secret", "rm", "word").ok()


@case("attach: stdin reaches a detached container, its output the caller")
def attach(podman):
    with podman.container("sh", "-c", "read x; echo got $x", options=("-i",)) as c:
        contains(podman("attach", c.id, stdin="hello\n").out, "got hello")


@case("hooks of --hooks-dir are run with the container's state", ROOT)
def hooks(podman):
    folder = f"{podman.work}/hooks"
    os.makedirs(folder)
    script = f"{{ cat; echo ---; }} >>{folder}/states"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", script]}
    document = {"version": "1.0.0", "hook": hook, "when": {"always": True}, "stages": ["createRuntime", "poststop"]}
    with open(f"{folder}/h.json", "w", encoding="utf-8") as file:
        json.dump(document, file)
    podman.execute([*podman.options, "--hooks-dir", folder, "run", "--rm", IMAGE, "true"]).ok()
    with open(f"{folder}/states", encoding="utf-8") as file:
        states = [json.loads(part)["status"] for part in file.read().split("---\n") if part]
    equal(states, ["creating", "stopped"])


@case("a checkpoint is refused, and the container runs on", ROOT)
def checkpoint(podman):
    with podman.container("sleep", "600") as c:
        assert podman("container", "checkpoint", c.id).status != 0
        equal(c.inspect()["State"]["Status"], "running", "status")
