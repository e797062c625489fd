"""The environment inside, and what reaches nobody else."""

import os
import subprocess

from suite import suite
from workplace import network


def _environment(place, *options, **keywords) -> dict:
    outcome = place.srt(*options, "env", "-0", **keywords)
    place.check(outcome.ok, outcome)
    entries = [entry for entry in outcome.out.split("\0") if "=" in entry]
    names = [entry.split("=", 1)[0] for entry in entries]
    place.equal(sorted(set(names)), sorted(names), "names, each once")
    return dict(entry.split("=", 1) for entry in entries)


def _check_proxies(place, inside: dict) -> None:
    http = "http://localhost:3128"
    for name, value in {
        "HTTP_PROXY": http,
        "HTTPS_PROXY": http,
        "ALL_PROXY": http,
        "GRPC_PROXY": http,
        "DOCKER_HTTP_PROXY": http,
        "DOCKER_HTTPS_PROXY": http,
        "FTP_PROXY": "socks5h://localhost:1080",
        "RSYNC_PROXY": "localhost:3128",
    }.items():
        place.equal(inside.get(name), value, name)
        place.equal(inside.get(name.lower()), value, name.lower())
    place.equal(inside.get("NODE_USE_ENV_PROXY"), "1", "NODE_USE_ENV_PROXY")
    place.equal(inside.get("CLOUDSDK_PROXY_ADDRESS"), "localhost", "CLOUDSDK_PROXY_ADDRESS")
    place.equal(inside.get("CLOUDSDK_PROXY_PORT"), "3128", "CLOUDSDK_PROXY_PORT")
    place.equal(inside.get("CLOUDSDK_PROXY_TYPE"), "http", "CLOUDSDK_PROXY_TYPE")
    for part in ("-Dhttp.proxyHost=localhost", "-Dhttps.proxyPort=3128"):
        place.check(part in inside.get("JAVA_TOOL_OPTIONS", ""), inside.get("JAVA_TOOL_OPTIONS"))


@suite.case()
def the_callers_environment_comes_along(place):
    inside = _environment(place, env={"MINE": "a b=c", "EMPTY": "", "LINES": "1\n2"})
    place.equal(
        (inside["MINE"], inside["EMPTY"], inside["LINES"]), ("a b=c", "", "1\n2"), "variables"
    )
    place.equal(inside["HOME"], str(place.home), "HOME")


@suite.case()
def any_umask_will_do(place):
    """srt's own files are its own matter."""
    for mask in (0o777, 0o700, 0o277):
        outcome = place.sh("umask", umask=mask)
        place.check(outcome.out.strip() == f"{mask:04o}", f"{mask:o}: {outcome}")


@suite.case()
def the_callers_umask_limits_and_niceness_come_along(place):
    import resource

    def set_them():
        os.umask(0o027)
        os.nice(3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (77, 77))

    place.settings(write=["."])
    outcome = place.sh("umask; nice; ulimit -n; touch made", preexec_fn=set_them)
    place.equal(outcome.out.split(), ["0027", str(os.nice(0) + 3), "77"], str(outcome))
    place.equal((place.project / "made").stat().st_mode & 0o777, 0o640, "mode of a file")


@suite.case()
def odd_bytes_in_words_and_places_pass_through(place):
    import subprocess

    folder = os.fsencode(place.project) + b"/a b,c:d\"e'f\ng\\h\xff[1]*"
    os.mkdir(folder)
    place.settings(write=["."])
    done = subprocess.run(
        [place.program, "printf", "%s|", b"\xff\xfe", "a\nb", "x" * 100_000],
        cwd=folder,
        env=place.environment(),
        capture_output=True,
        timeout=20,
        check=False,
    )
    place.equal(
        done.stdout, b"\xff\xfe|a\nb|" + b"x" * 100_000 + b"|", done.stderr.decode(errors="replace")
    )
    done = subprocess.run(
        [place.program, "touch", "made"],
        cwd=folder,
        env=place.environment(),
        timeout=20,
        check=False,
    )
    place.equal((done.returncode, os.listdir(folder)), (0, [b"made"]), "a write there")


@suite.case()
def the_sandbox_is_announced(place):
    inside = _environment(place)
    place.equal(inside["SANDBOX_RUNTIME"], "1", "SANDBOX_RUNTIME")
    place.check(inside.get("TMPDIR", "").startswith("/"), "no TMPDIR")
    place.equal(inside.get("GIT_TEMPLATE_DIR"), "", "GIT_TEMPLATE_DIR")


@suite.case()
def a_denied_variable_is_not_inside(place):
    place.settings({"credentials": {"envVars": [{"name": "TOKEN", "mode": "deny"}]}})
    inside = _environment(place, env={"TOKEN": "hunter2", "TOKENS": "kept"})
    place.equal((inside.get("TOKEN"), inside.get("TOKENS")), (None, "kept"), "variables")
    outcome = place.sh("cat /proc/*/environ", env={"TOKEN": "hunter2"})
    place.check("hunter2" not in outcome.out, "it is in the environment of a process inside")


@suite.case()
def proxy_variables_are_set(place):
    place.settings({"network": network("a.test")})
    inside = _environment(place)
    _check_proxies(place, inside)
    for part in ("localhost", "127.0.0.1", "10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"):
        place.check(
            part in inside["NO_PROXY"].split(","), f"{part} is not in {inside['NO_PROXY']!r}"
        )
    place.equal(inside["no_proxy"], inside["NO_PROXY"], "no_proxy")


@suite.case()
def an_allowed_private_range_goes_through_the_proxy(place):
    place.settings({"network": network("localhost:8080")})
    inside = _environment(place)
    place.check("localhost" not in inside["NO_PROXY"].split(","), inside["NO_PROXY"])


@suite.case()
def proxy_variables_of_the_host_are_replaced(place):
    place.settings({"network": network("a.test")})
    host = {
        name: "http://user:secret@192.0.2.1:1"
        for name in (
            "HTTP_PROXY",
            "http_proxy",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "ftp_proxy",
            "CLOUDSDK_PROXY_PASSWORD",
        )
    }
    inside = _environment(place, env={**host, "NO_PROXY": "*", "JAVA_TOOL_OPTIONS": "-Xmx64m"})
    _check_proxies(place, inside)
    place.check("*" not in inside["NO_PROXY"], inside["NO_PROXY"])
    place.check(inside["JAVA_TOOL_OPTIONS"].startswith("-Xmx64m "), inside["JAVA_TOOL_OPTIONS"])
    place.check("secret" not in str(inside), "the host's proxy password is inside")


@suite.case()
def without_a_way_out_the_hosts_proxies_are_not_inside_either(place):
    """Their names and passwords are the host's, and what is blocked must fail at once."""
    inside = _environment(
        place,
        env={"HTTP_PROXY": "http://user:secret@192.0.2.1:1", "https_proxy": "http://192.0.2.1:1"},
    )
    place.check("192.0.2.1" not in str(inside), f"the host's proxy: {inside}")


@suite.case()
def git_ssh_command_of_the_caller_stays(place):
    place.settings({"network": network("a.test")})
    place.equal(
        _environment(place, env={"GIT_SSH_COMMAND": "ssh -x"}).get("GIT_SSH_COMMAND"),
        "ssh -x",
        "GIT_SSH_COMMAND",
    )


@suite.case()
def safe_directories_reach_git(place):
    place.needs("git")
    place.settings({"git": {"safeDirectories": ["/some/where", "/other//", "", "/"]}})
    place.equal(
        place.says("git config --get-all safe.directory").split(),
        # With what is below them, and not the empty one, which would take back all the others.
        ["/some/where", "/some/where/*", "/other", "/other/*", "/", "/*"],
        "safe.directory",
    )


@suite.case()
def safe_directories_keep_the_callers_git_config(place):
    place.needs("git")
    place.settings({"git": {"safeDirectories": ["/some/where"]}})
    env = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "Somebody",
    }
    place.equal(
        place.says("git config user.name; git config --get-all safe.directory", env=env).split(),
        ["Somebody", "/some/where", "/some/where/*"],
        "configuration",
    )


@suite.case()
def the_ssh_configuration_folder_is_empty(place):
    if not os.path.isdir("/etc/ssh/ssh_config.d"):
        place.skip("no /etc/ssh/ssh_config.d here")
    place.equal(place.says("ls -A /etc/ssh/ssh_config.d"), "", "/etc/ssh/ssh_config.d")
    place.needs("ssh")
    place.check(place.sh("ssh -G a.test").ok, "ssh refuses its configuration")


@suite.case()
def the_loaders_variables_cannot_change_our_programs(place):
    """LD_PRELOAD reaches the command, but nothing that works outside for it."""
    library = place.project / "spy.so"
    place.needs("gcc")
    source = place.project / "spy.c"
    source.write_text(
        "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) static void spy(void){"
        'char p[64];snprintf(p,64,"/proc/%d/exe",getpid());char e[256];ssize_t n=readlink(p,e,255);if(n>0){e[n]=0;'
        f'FILE*f=fopen("{place.notes}/seen","a");if(f){{fprintf(f,"%s\\n",e);fclose(f);}}}}}}\n'
    )
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=30)
    place.settings({"network": network("a.test")})
    place.check(place.srt("true", env={"LD_PRELOAD": str(library)}).ok, "status")
    seen = (place.notes / "seen").read_text().split() if (place.notes / "seen").exists() else []
    for name in seen:
        place.check("bwrap" not in name and "srt-monitor" not in name, f"loaded into {name}")


@suite.case()
def our_programs_are_not_found_by_the_callers_path(place):
    fake = place.notes / "bin"
    fake.mkdir()
    for name in ("bwrap", "srt-init", "srt-monitor", "newuidmap", "newgidmap", "ip"):
        (fake / name).write_text(f"#!/bin/sh\necho {name} >> {place.notes}/called\nexit 1\n")
        (fake / name).chmod(0o755)
    place.settings({"network": network("a.test")})
    path = f"{fake}:" + place.environment()["PATH"]
    place.check(place.srt("true", env={"PATH": path}).ok, "status")
    place.check(not (place.notes / "called").exists(), "a program of the caller's PATH was run")


@suite.case()
def no_argument_holds_a_secret(place):
    """Everyone can read /proc/PID/cmdline."""
    place.settings(
        {"network": network("a.test", parentProxy={"http": "http://user:hunter2@192.0.2.1:3128"})}
    )
    process = place.started_and_ready("echo ready; sleep 1000", env={"TOKEN": "hunter2"})
    seen = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read()
            except OSError:
                continue
            seen += b"echo ready" in words
            place.check(b"hunter2" not in words or b"python" in words, f"in {words!r}")
    place.check(seen, "the sandbox was not looked at")
    process.kill()
