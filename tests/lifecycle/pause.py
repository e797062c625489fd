"""`pause` and `resume`."""

from containers import host as host_module
from suite import suite


@suite.case(rootless=False)
def pause_stops_every_process_and_resume_lets_them_go_on(scene):
    bundle = scene.bundle().shell("while :; do echo x; sleep 0.01; done")
    name = scene.started(bundle)
    scene.wait_for_output(bundle, "x")
    paused = scene.runtime.call("pause", name)
    scene.check(paused.ok, str(paused))
    scene.equal(scene.runtime.status(name), "paused", "status")
    scene.equal(scene.runtime.call("pause", name).status, 1, "status of a second pause")
    executed = scene.runtime.exec(name, "/bin/true")
    scene.check(executed.status == 255 and "paused" in executed.err, str(executed))
    resumed = scene.runtime.call("resume", name)
    scene.check(resumed.ok, str(resumed))
    scene.equal(scene.runtime.status(name), "running", "status")
    size = len(scene.output(bundle))
    grown = host_module.wait_until(lambda: len(scene.output(bundle)) > size, 5)
    scene.check(grown, "nothing was written after resume")
    again = scene.runtime.call("resume", name)
    scene.check(again.status == 1 and "not paused" in again.err, str(again))


@suite.case(rootless=False)
def a_paused_container_can_be_killed_and_deleted(scene):
    for end in (("kill", "KILL"), ("delete",)):
        name = scene.sleeping()
        pid = scene.runtime.pid(name)
        scene.check(scene.runtime.call("pause", name).ok, "pause failed")
        if end[0] == "kill":
            scene.check(scene.runtime.kill(name, "KILL").ok, "kill failed")
            scene.wait_for_status(name, "stopped")
        scene.check(scene.runtime.delete(name).ok, "delete failed")
        scene.check(not host_module.is_running(pid), f"it runs after {end}")


@suite.case()
def pause_without_a_process_is_refused(scene):
    name = scene.started(scene.bundle().args("/bin/true"))
    scene.wait_for_status(name, "stopped")
    paused = scene.runtime.call("pause", name)
    scene.check(paused.status == 1 and "not running" in paused.err, str(paused))
