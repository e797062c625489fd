"""--control-fd: new rules while the command runs."""

import http.server
import json
import os
import select
import socket
import stat
import struct
import threading
import time

from suite import suite
from workplace import filesystem, network


class _Server:
    """An HTTP server of the host on its loopback."""

    def __enter__(self):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802  (http.server's name)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"hello from the host\n")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def _fetch(port: int) -> str:
    return f"curl -s -m 5 -o /dev/null -w '%{{http_code}}\\n' http://localhost:{port}/"


class _Controlled:
    """A shell inside that performs each line it is sent, and the descriptor that governs it."""

    def __init__(self, place, *options, env=None):
        self.place = place
        reading, self.control = os.pipe()
        self.process = place.start(
            "--control-fd",
            reading,
            *options,
            "-c",
            'echo ready; while read -r line; do eval "$line"; done; exit 0',
            pass_fds=[reading],
            stdin=-1,
            env=env,
        )
        os.close(reading)
        place.equal(self._line(), "ready", "first line")

    def _line(self, seconds: float = 15) -> str:
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return "nothing"
        return self.process.stdout.readline().decode().strip()

    def does(self, script: str) -> str:
        self.process.stdin.write((script + "\n").encode())
        self.process.stdin.flush()
        return self._line()

    def until(self, script: str, wanted: str, seconds: float = 5) -> str:
        """New rules hold as soon as they are read: nobody says when."""
        deadline = time.monotonic() + seconds
        while (got := self.does(script)) != wanted and time.monotonic() < deadline:
            pass
        return got

    def send(self, document) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        os.write(self.control, (text + "\n").encode())

    def end(self) -> tuple[int, str]:
        self.process.stdin.close()
        self.process.stdin = None
        status = self.process.wait(10)
        error = self.process.stderr.read().decode()
        os.close(self.control)
        return status, error


@suite.case()
def a_good_line_opens_and_a_later_one_closes(place):
    place.needs("curl")
    with _Server() as server:
        box = _Controlled(place)
        place.check(box.does(_fetch(server.port)) != "200", "reached before it was allowed")
        box.send({"network": network(f"localhost:{server.port}")})
        place.equal(box.until(_fetch(server.port), "200"), "200", "after it was allowed")
        box.send({"network": network()})
        place.check(
            box.until(_fetch(server.port), "403") != "200", "reached after it was taken away"
        )
        status, error = box.end()
        place.equal((status, error), (0, ""), "the end")


@suite.case()
def rules_for_files_stay_those_of_the_start(place):
    """Mounts are made once; what a later line says of files opens nothing."""
    place.settings(write=["."])
    box = _Controlled(place)
    box.send(
        {
            "network": network(),
            "filesystem": {"denyRead": [], "allowWrite": ["/", ".", str(place.notes)], "denyWrite": [], "disabled": True},
        }
    )
    place.equal(box.does(f"touch {place.notes}/made 2>&1 | grep -c Read-only"), "1", "another folder")
    place.equal(box.does("touch .bashrc 2>&1 | grep -c 'not permitted'"), "1", "a protected name")
    place.equal(box.does("touch made && echo yes"), "yes", "what the first settings allow")
    place.equal(box.end()[0], 0, "status")
    place.equal((place.names(place.notes), place.names()), ([], ["made"]), "names")


@suite.case()
def a_bad_line_is_reported_and_the_last_policy_stays(place):
    place.needs("curl")
    with _Server() as server:
        box = _Controlled(place)
        box.send({"network": network(f"localhost:{server.port}")})
        place.equal(box.until(_fetch(server.port), "200"), "200", "after it was allowed")
        for line in (
            "{",
            '{"network": {"allowDomains": []}}',
            '{"network": {"allowedDomains": ["*"], "deniedDomains": []}}',
        ):
            box.send(line)
        place.equal(box.does("sleep 0.2; " + _fetch(server.port)), "200", "after bad lines")
        status, error = box.end()
        place.equal(status, 0, error)
        place.equal(error.count("the last policy stays"), 3, error)
        place.check("/network/allowDomains" in error, error)


@suite.case()
def a_line_in_two_halves_is_one(place):
    place.needs("curl")
    with _Server() as server:
        box = _Controlled(place)
        text = json.dumps({"network": network(f"localhost:{server.port}")}) + "\n"
        os.write(box.control, text[:20].encode())
        place.check(box.does(_fetch(server.port)) != "200", "half a line")
        os.write(box.control, text[20:].encode())
        place.equal(box.until(_fetch(server.port), "200"), "200", "after the other half")
        place.equal(box.end()[0], 0, "status")


@suite.case()
def the_command_has_no_part_of_it(place):
    reading, writing = os.pipe()
    os.dup2(reading, 9)
    script = (
        "import os\nfor n in range(3,64):\n  try: os.fstat(n); print(n)\n  except OSError: pass"
    )
    outcome = place.python(script, "--control-fd", 9, pass_fds=[9])
    os.close(9)
    os.close(reading)
    os.close(writing)
    place.check(outcome.ok and outcome.out == "", outcome)


@suite.case()
def the_command_does_not_write_its_rules(place):
    """`mkfifo rules; exec 3<>rules`, where the command may write; whether or not it may write all else as well."""
    fifo = place.project / "rules"
    os.mkfifo(fifo)
    (place.project / "sub").mkdir()
    policy = json.dumps({"network": network("localhost")})
    script = (
        f"for f in rules sub/../rules /proc/self/cwd/rules '{fifo}'; do echo '{policy}' 1<>$f; done; ln rules other && echo '{policy}' 1<>other;"
        f"mv rules other && echo '{policy}' 1<>other; rm -f rules; mkfifo rules; chmod 777 rules; ls; true"
    )
    for settings in ({"write": ["."]}, {"disabled": True}):
        place.settings({"filesystem": filesystem(**settings), "network": network()})
        control = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        process = place.start("--control-fd", control, "-c", script + "; sleep 0.3", pass_fds=[control])
        out, err = process.communicate(timeout=20)
        place.check(process.returncode == 0 and b"rules" in out and b"control-fd" not in err, f"{out!r} {err!r}")
        place.check(stat.S_ISFIFO(fifo.stat().st_mode) and fifo.stat().st_nlink == 1, "the pipe")
        try:
            place.equal(os.read(control, 1000), b"", "left in the pipe")
        except BlockingIOError:
            pass
        os.close(control)
    with _Server() as server:
        place.settings({"filesystem": filesystem(write=["."]), "network": network()})
        control = os.open(fifo, os.O_RDWR)
        fetch = script + f"; curl -s -m 5 http://localhost:{server.port}/ || echo refused"
        process = place.start("--control-fd", control, "-c", fetch, pass_fds=[control])
        out, err = process.communicate(timeout=30)
        os.close(control)
        place.check(out.rstrip().endswith(b"refused"), f"{out!r} {err!r}")


@suite.case()
def its_end_is_no_end(place):
    reading, writing = os.pipe()
    process = place.start("--control-fd", reading, "-c", "sleep 0.3; exit 5", pass_fds=[reading])
    os.close(reading)
    os.close(writing)
    place.equal(process.wait(10), 5, "status")


@suite.case()
def a_last_line_without_an_end_counts_and_blank_ones_do_not(place):
    place.needs("curl")
    with _Server() as server:
        box = _Controlled(place)
        os.write(box.control, b"\n  \t\r\n")
        os.write(box.control, json.dumps({"network": network(f"localhost:{server.port}")}).encode())
        os.close(box.control)
        place.equal(box.until(_fetch(server.port), "200"), "200", "after it was allowed")
        box.control = os.open("/dev/null", os.O_RDONLY)
        place.equal(box.end(), (0, ""), "the end")


@suite.case()
def a_descriptor_that_cannot_be_read_is_an_error(place):
    reading, writing = os.pipe()
    outcome = place.srt("--control-fd", writing, "true", pass_fds=[writing])
    os.close(reading)
    os.close(writing)
    place.equal(outcome.status, 125, str(outcome))
    place.check("control-fd" in outcome.err, outcome)


@suite.case()
def a_folder_is_no_descriptor_to_read_rules_from(place):
    folder = os.open(place.project, os.O_RDONLY)
    outcome = place.srt("--control-fd", folder, "echo ran; true", pass_fds=[folder])
    os.close(folder)
    place.check(outcome.status == 125 and "control-fd" in outcome.err, outcome)
    place.check("ran" not in outcome.out, outcome)


@suite.case()
def a_descriptor_that_breaks_before_a_line_ends_the_command(place):
    """Its rules would hold, thinks whoever sends them. After a line the last rules stay."""
    for said in (b"", b"no rules\n"):
        listener = socket.create_server(("127.0.0.1", 0))
        control = socket.create_connection(listener.getsockname())
        sender, _ = listener.accept()
        process = place.started_and_ready(
            "echo ready; read -r x; echo $x",
            "--control-fd",
            control.fileno(),
            pass_fds=[control.fileno()],
            stdin=-1,
        )
        control.close()
        if said:
            sender.sendall(said)
            place.check(b"policy stays" in process.stderr.readline(), "a bad line is not reported")
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sender.close()  # a reset
        place.check(b"--control-fd" in process.stderr.readline(), "nothing is said of it")
        out, _ = process.communicate(b"went on\n", timeout=20)
        place.equal(
            (process.returncode, out), (0, b"went on\n") if said else (125, b""), f"after {said!r}"
        )
        listener.close()


@suite.case()
def a_descriptor_that_is_not_open_is_an_error(place):
    for number in ("77", "2", "-1", "x"):
        outcome = place.srt("--control-fd", number, "true")
        place.equal(outcome.status, 125, str(outcome))
        place.check("control-fd" in outcome.err, outcome)


# The network otherwise: tests/egress is about what real clients reach.


@suite.case()
def only_what_is_allowed_is_reached(place):
    place.needs("curl")
    with _Server() as server:
        place.settings({"network": network(f"localhost:{server.port}")})
        place.equal(place.sh(_fetch(server.port)).out.strip(), "200", "what is allowed")
        place.settings({"network": network("a.test")})
        place.check(place.sh(_fetch(server.port)).out.strip() != "200", "what is not allowed")
        place.settings({"network": network(f"localhost:{server.port}", denied=["localhost"])})
        place.check(place.sh(_fetch(server.port)).out.strip() != "200", "what is denied")


@suite.case()
def where_nothing_is_allowed_the_answer_says_so(place):
    place.needs("curl")
    place.settings(
        {
            "network": network(
                denied=["b.test"], deniedDomainReasons={"b.test": "ask for a.test instead"}
            )
        }
    )
    outcome = place.sh("curl -s -m 5 -i http://c.test/; curl -s -m 5 -i http://b.test/")
    place.equal(outcome.out.count("403 Blocked"), 2, str(outcome))
    place.equal(outcome.out.count("X-Proxy-Error: blocked-by-allowlist"), 2, str(outcome))
    place.check("ask for a.test instead" in outcome.out, outcome)


@suite.case()
def the_callers_proxy_is_the_way_out(place):
    """Where only a proxy leads out of the host: rules first, then it."""
    place.needs("curl")

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802  (http.server's name)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"for {self.path} {self.headers['Proxy-Authorization']}\n".encode())

        def log_message(self, *_):
            pass

    with _Server() as direct:
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        place.settings({"network": network("a.test", f"localhost:{direct.port}")})
        env = {
            "http_proxy": f"http://u:p@127.0.0.1:{proxy.server_address[1]}",
            "NO_PROXY": "localhost",
        }
        script = (
            f"for u in a.test/x b.test/x localhost:{direct.port}/; do curl -s -m 5 http://$u; done"
        )
        outcome = place.sh(script, env=env)
        place.equal(
            [line for line in outcome.out.splitlines() if line.startswith(("for", "hello"))],
            ["for http://a.test/x Basic dTpw", "hello from the host"],
            str(outcome),
        )
        proxy.shutdown()
        proxy.server_close()


@suite.case()
def the_hosts_loopback_is_not_reached_around_the_proxy(place):
    with _Server() as server:
        place.settings({"network": network("a.test")})
        outcome = place.python(
            f"import socket\ntry:\n  s=socket.create_connection(('127.0.0.1',{server.port}),2)\n"
            "  s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n  print(s.recv(4096))\nexcept OSError as e: print(e)"
        )
        place.check(outcome.ok and "200 OK" not in outcome.out, outcome)


@suite.case()
def violations_are_written_to_a_file(place):
    place.needs("curl")
    place.settings({"network": network("a.test")})
    file = place.notes / "violations"
    outcome = place.sh("curl -s -m 5 http://b.test/; true", "--violations", file)
    place.check(outcome.ok, outcome)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    place.check(any(line.get("host") == "b.test" for line in lines), lines)
    place.equal(outcome.err, "", "a summary where stderr is no terminal")
    place.check(
        "b.test" in place.sh("curl -s -m 5 http://b.test/; true", "-v").err, "no summary with -v"
    )


@suite.case()
def ignored_violations_are_not_reported(place):
    place.needs("curl")
    place.settings({"network": network("a.test"), "ignoreViolations": {"curl": ["b.test"]}})
    outcome = place.sh("curl -s -m 5 http://b.test/; curl -s -m 5 http://c.test/; true", "-v")
    place.check("b.test" not in outcome.err and "c.test" in outcome.err, outcome)


@suite.case()
def ignored_violations_of_files_are_not_reported(place):
    rules = filesystem(write=["."])
    script = "exec 2>/dev/null; echo > .bashrc; echo > .zshrc; true"
    for pattern in ("*", "echo > .bashrc"):
        place.settings({"filesystem": rules, "ignoreViolations": {pattern: [".bashrc"]}})
        outcome = place.sh(script, "-v")
        place.check(".bashrc" not in outcome.err and ".zshrc" in outcome.err, outcome)
    place.settings({"filesystem": rules, "ignoreViolations": {"another command": [".bashrc"]}})
    place.check(".bashrc" in place.sh(script, "-v").err, "of another command")
