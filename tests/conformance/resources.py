"""`linux.resources` and control groups: what the kernel's files say of a running container."""

import pathlib

from containers import host as host_module
from containers.scene import Scene
from suite import suite


def _folders(scene: Scene, name: str) -> dict[str, pathlib.Path]:
    """Controller to the control group of the container's init ("" is v2)."""
    found = {}
    for line in pathlib.Path(f"/proc/{scene.runtime.pid(name)}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            for mount in (
                controller.removeprefix("name="),
                "unified" if not controller else "",
            ):
                folder = host_module.CGROUP_ROOT / mount / path.lstrip("/")
                if folder.is_dir():
                    found[controller] = folder
                    break
    return found


def _setting(
    scene: Scene,
    resources: dict,
    controller: str,
    file: str,
    wanted: str,
    v2_file: str = "",
    v2_wanted: str = "",
) -> None:
    bundle = scene.bundle()
    bundle.linux["resources"].update(resources)
    folders = _folders(scene, scene.sleeping(bundle))
    if controller in folders:
        scene.equal((folders[controller] / file).read_text().strip(), wanted, file)
    elif "" in folders and (folders[""] / v2_file).exists():
        scene.equal((folders[""] / v2_file).read_text().strip(), v2_wanted or wanted, v2_file)
    else:
        scene.skip(f"this host has no {controller} controller")


def resource_row(name: str, *arguments) -> None:
    suite.case(name=f"resources {name}", rootless=False)(lambda scene: _setting(scene, *arguments))


resource_row("pids limit", {"pids": {"limit": 37}}, "pids", "pids.max", "37", "pids.max")
resource_row("pids unlimited", {"pids": {"limit": -1}}, "pids", "pids.max", "max", "pids.max")
resource_row(
    "memory limit",
    {"memory": {"limit": 67108864}},
    "memory",
    "memory.limit_in_bytes",
    "67108864",
    "memory.max",
)
resource_row(
    "memory reservation",
    {"memory": {"reservation": 33554432}},
    "memory",
    "memory.soft_limit_in_bytes",
    "33554432",
    "memory.low",
)
resource_row("cpu shares", {"cpu": {"shares": 512}}, "cpu", "cpu.shares", "512", "cpu.weight", "20")
resource_row(
    "cpu quota",
    {"cpu": {"quota": 50000, "period": 100000}},
    "cpu",
    "cpu.cfs_quota_us",
    "50000",
    "cpu.max",
    "50000 100000",
)
resource_row(
    "cpu period",
    {"cpu": {"quota": 50000, "period": 200000}},
    "cpu",
    "cpu.cfs_period_us",
    "200000",
    "cpu.max",
    "50000 200000",
)


def _disk(scene: Scene) -> tuple[int, int]:
    """Any whole disk: limits of partitions are refused by the kernel."""
    for queue in sorted(pathlib.Path("/sys/block").glob("*/queue")):
        major, minor = (queue.parent / "dev").read_text().split(":")
        return int(major), int(minor)
    scene.skip("this host has no disk")


@suite.case(name="resources rates of disk access", rootless=False)
def _throttles(scene):
    major, minor = _disk(scene)
    bundle = scene.bundle()
    bundle.linux["resources"]["blockIO"] = {
        f"throttle{what}Device": [{"major": major, "minor": minor, "rate": rate}]
        for what, rate in (("ReadBps", 1048576), ("WriteBps", 0), ("WriteIOPS", 120))
    }
    folders = _folders(scene, scene.sleeping(bundle))
    at = f"{major}:{minor}"
    if "blkio" in folders:
        for what, wanted in (("read_bps", "1048576"), ("write_iops", "120"), ("read_iops", None)):
            file = folders["blkio"] / f"blkio.throttle.{what}_device"
            scene.equal(file.read_text().strip(), f"{at} {wanted}" if wanted else "", what)
    elif "" in folders and (folders[""] / "io.max").exists():
        wanted = f"{at} rbps=1048576 wbps=max riops=max wiops=120"
        scene.equal((folders[""] / "io.max").read_text().strip(), wanted, "io.max")
    else:
        scene.skip("this host has no blkio controller")


@suite.case(name="resources weight of disk access", rootless=False)
def _weight(scene):
    bundle = scene.bundle().args("/bin/sleep", "1000")
    bundle.linux["resources"]["blockIO"] = {"weight": 10}
    name = scene.new_id()
    created = scene.runtime.create(bundle, name)
    if not created.ok and ("this kernel has no" in created.err or "controller" in created.err):
        scene.skip(created.err.strip())
    scene.check(created.ok, str(created))
    files = {"blkio.bfq.weight": "10", "blkio.weight": "10", "io.bfq.weight": "default 10"}
    seen = {
        file: (folder / file).read_text().splitlines()[0]
        for folder in _folders(scene, name).values()
        for file in (*files, "io.weight")
        if (folder / file).exists()
    }
    wanted = {**files, "io.weight": "default 1"}
    scene.check(any(wanted[file] == text for file, text in seen.items()), f"not written: {seen}")


@suite.case(name="resources huge pages", rootless=False)
def _hugepages(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 6 << 20}]
    bundle.args("/bin/sleep", "1000")
    name = scene.new_id()
    created = scene.runtime.create(bundle, name)
    if not created.ok and ("this kernel has no" in created.err or "controller" in created.err):
        scene.skip(created.err.strip())
    scene.check(created.ok, str(created))
    files = ("hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max")
    seen = [
        (folder / file).read_text().strip()
        for folder in _folders(scene, name).values()
        for file in files
        if (folder / file).exists()
    ]
    scene.equal(seen, [str(6 << 20)], "the limit")


@suite.case(name="resources that the host has not are refused by name", rootless=False)
def _absent(scene):
    for resources, property in (
        ({"rdma": {"no_such_device": {"hcaHandles": 1}}}, "/linux/resources/rdma/no_such_device"),
        (
            {"hugepageLimits": [{"pageSize": "3MB", "limit": 0}]},
            "/linux/resources/hugepageLimits/0",
        ),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 4095, "minor": 7, "rate": 1}]}},
            "/linux/resources/blockIO/throttleReadBpsDevice/0",
        ),
    ):
        bundle = scene.bundle().args("/bin/true")
        bundle.linux["resources"].update(resources)
        created = scene.runtime.create(bundle, scene.new_id())
        scene.check(not created.ok and property in created.err, f"{property}: {created}")
    scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case(name="resources limit of processes is felt inside", rootless=False)
def _pids_felt(scene):
    bundle = scene.bundle().shell(
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done; echo all started"
    )
    bundle.linux["resources"]["pids"] = {"limit": 5}
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check(
        "all started" not in outcome.out, f"twelve processes under a limit of five: {outcome}"
    )


@suite.case(name="resources limit of memory is felt inside", rootless=False)
def _memory_felt(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["memory"] = {"limit": 16 << 20}
    bundle.mount("/mnt", type="tmpfs", source="tmpfs", options=["size=200m"])
    bundle.shell("head -c 100000000 /dev/zero > /mnt/big && echo WROTE")
    outcome = scene.runtime.run(bundle, scene.new_id(), timeout=60)
    scene.check("WROTE" not in outcome.out, f"100 MB written under a limit of 16 MiB: {outcome}")


@suite.case(name="cgroupsPath absolute", rootless=False)
def _absolute(scene):
    name = scene.new_id()
    bundle = scene.bundle().args("/bin/sleep", "1000")
    bundle.linux["cgroupsPath"] = f"/{name}-parent/{name}"
    try:
        scene.check(scene.runtime.create(bundle, name).ok, "create failed")
        text = pathlib.Path(f"/proc/{scene.runtime.pid(name)}/cgroup").read_text()
        lines = [line.split(":", 2)[2] for line in text.splitlines()]
        scene.check(f"/{name}-parent/{name}" in lines, f"not where cgroupsPath says: {text}")
        scene.runtime.delete(name)
    finally:
        for folder in sorted(
            host_module.cgroups_named(f"{name}-parent"), key=lambda p: -len(str(p))
        ):
            folder.rmdir()  # the parent is the caller's: runc leaves it too


@suite.case(name="cgroup namespace hides where the container is")
def _cgroup_namespace(scene):
    seen = scene.probe(scene.bundle().namespace("cgroup"))
    for line in seen["cgroup"].splitlines():
        path = line.split(":", 2)[2]
        scene.check(
            path == "/" or "/.." in path or scene.rootless, f"the host's path is visible: {line}"
        )
        if not scene.rootless and "srt-t" in path:
            scene.check(False, f"the container's own group is visible: {line}")


@suite.case(name="cgroup mount shows the container's own groups", rootless=False)
def _cgroup_mount(scene):
    for namespaced in (False, True):
        bundle = scene.bundle()
        if namespaced:
            bundle.namespace("cgroup")
        bundle.mount(
            "/sys/fs/cgroup",
            type="cgroup",
            source="cgroup",
            options=["nosuid", "noexec", "nodev", "relatime", "ro"],
        )
        name = scene.new_id()
        bundle.shell(
            "cat /sys/fs/cgroup/pids/cgroup.procs /sys/fs/cgroup/cgroup.procs 2>/dev/null; echo end"
        )
        if (
            not (host_module.CGROUP_ROOT / "pids").is_dir()
            and not (host_module.CGROUP_ROOT / "cgroup.controllers").exists()
        ):
            scene.skip("this host mounts no cgroups")
        outcome = scene.runtime.run(bundle, name)
        scene.check("end" in outcome.out, str(outcome))
        pids = [line for line in outcome.out.split() if line.isdigit()]
        scene.check(
            pids and len(pids) <= 3, f"cgroup namespace {namespaced}: processes listed: {outcome}"
        )


@suite.case(name="cgroup limits that cannot be set are errors", rootless=False)
def _unset(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["pids"] = {"limit": 10}
    bundle.linux["resources"]["memory"] = {"limit": 1}
    outcome = scene.runtime.run(bundle.args("/bin/sleep", "1"), scene.new_id(), timeout=30)
    scene.check(not outcome.ok, "a memory limit of one byte was taken in silence")
