"""`update`: limits of a running container."""

import json
import subprocess

from containers import host as host_module
from suite import suite


@suite.case(rootless=False)
def update_changes_limits_of_a_running_container(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["pids"] = {"limit": 50}
    name = scene.sleeping(bundle)
    groups = host_module.cgroups_named(name)
    limit = [g / "pids.max" for g in groups if (g / "pids.max").exists()]
    if not limit:
        scene.skip("this host has no pids controller")
    updated = scene.runtime.call("update", name, "--pids-limit", "33")  # options may follow the id
    scene.check(updated.ok, str(updated))
    scene.equal(limit[0].read_text().strip(), "33", "pids.max after --pids-limit")
    file = scene.work / "limits.json"
    file.write_text(json.dumps({"pids": {"limit": 44}, "devices": []}))
    updated = scene.runtime.call("update", "--resources", file, name)
    scene.check(updated.ok, str(updated))
    scene.equal(limit[0].read_text().strip(), "44", "pids.max after --resources")
    piped = subprocess.run(
        scene.runtime.command("update", "--resources", "-", name),
        input=b'{"pids": {"limit": 55}}',
        timeout=20,
    )
    scene.equal(piped.returncode, 0, "status of update --resources -")
    scene.equal(limit[0].read_text().strip(), "55", "pids.max after --resources -")


@suite.case(rootless=False)
def update_raises_memory_and_swap_together(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["memory"] = {"limit": 32 << 20, "swap": 32 << 20}
    name = scene.sleeping(bundle)
    for limit in ("64M", "16M"):
        updated = scene.runtime.call("update", "--memory", limit, "--memory-swap", limit, name)
        scene.check(updated.ok, f"{limit}: {updated}")


@suite.case(rootless=False)
def update_takes_the_limit_of_memory_away_and_that_of_swap_with_it(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["memory"] = {"limit": 32 << 20, "swap": 64 << 20}
    name = scene.sleeping(bundle)
    updated = scene.runtime.call("update", "--memory", "-1", name)
    scene.check(updated.ok, str(updated))
    for group in host_module.cgroups_named(name):
        for file in ("memory.memsw.limit_in_bytes", "memory.swap.max"):
            if (group / file).exists():
                text = (group / file).read_text().strip()
                scene.check(text == "max" or int(text) > 1 << 60, f"{file}: {text}")


@suite.case(rootless=False)
def update_sets_realtime_where_the_kernel_has_it(scene):
    name = scene.sleeping(scene.bundle())
    groups = [g for g in host_module.cgroups_named(name) if (g / "cpu.rt_runtime_us").exists()]
    updated = scene.runtime.call(
        "update", "--cpu-rt-period", "900001", "--cpu-rt-runtime", "0", name
    )
    if not groups:
        scene.check("cpu/realtimePeriod" in updated.err, str(updated))
        return
    scene.check(updated.ok, str(updated))
    scene.equal((groups[0] / "cpu.rt_period_us").read_text().strip(), "900001", "period")
