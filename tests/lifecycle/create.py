"""`create`: a container that is ready, and whose program has not begun."""

import os

from containers import host as host_module
from suite import suite


@suite.case()
def create_holds_the_program_back(scene):
    bundle, name = scene.bundle().shell("echo ran; exec sleep 1000"), scene.new_id()
    created = scene.runtime.create(bundle, name, "--pid-file", scene.work / "pid")
    scene.check(created.ok, str(created))
    state = scene.runtime.state(name)
    scene.equal(state["status"], "created", "status")
    scene.equal(int((scene.work / "pid").read_text()), state["pid"], "pid file")
    scene.check(host_module.is_running(state["pid"]), "the pid is not of a running process")
    scene.equal(scene.output(bundle), "", "output before start")
    scene.check(scene.runtime.start(name).ok, "start failed")
    scene.wait_for_output(bundle, "ran")
    scene.equal(scene.runtime.state(name)["status"], "running", "status")
    scene.equal(scene.runtime.pid(name), state["pid"], "pid after start")


@suite.case()
def an_existing_id_is_refused_and_left_alone(scene):
    name = scene.sleeping()
    pid = scene.runtime.pid(name)
    for verb in ("create", "run"):
        outcome = scene.runtime.call(
            verb, "--bundle", scene.bundle().args("/bin/true").save(), name
        )
        scene.check(not outcome.ok and "exist" in outcome.err, f"{verb}: {outcome}")
    scene.equal(
        (scene.runtime.status(name), scene.runtime.pid(name)),
        ("running", pid),
        "the first container",
    )


@suite.case()
def create_needs_an_id(scene):
    created = scene.runtime.call("create", "--bundle", scene.bundle().save())
    scene.check(created.status == 1 and "no container id" in created.err, str(created))
    scene.equal(scene.runtime.ids(), [], "containers")


@suite.case()
def a_bundle_may_have_another_config(scene):
    bundle = scene.bundle().shell("echo other")
    folder = bundle.save()
    (folder / "config.json").rename(folder / "other.json")
    outcome = scene.runtime.call("run", "--config", "other.json", "-b", folder, scene.new_id())
    scene.equal((outcome.status, outcome.out), (0, "other\n"), "run --config")


@suite.case()
def a_created_container_holds_none_of_the_callers_descriptors(scene):
    # Whoever reads the other end would wait until `start`, perhaps for ever.
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    bundle, name = scene.bundle().args("/bin/sleep", "1000"), scene.new_id()
    created = scene.runtime.create(bundle, name, pass_fds=(writer,))
    os.close(writer)
    scene.check(created.ok, str(created))
    os.set_blocking(reader, False)
    try:
        scene.equal(os.read(reader, 1), b"", "end of the pipe")
    except BlockingIOError:
        scene.check(False, "the created container holds the caller's pipe open")
    finally:
        os.close(reader)
