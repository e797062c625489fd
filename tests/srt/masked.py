"""credentials of mode "mask": a stand-in inside, the secret for its hosts alone."""

import base64
import contextlib
import json
import os
import pathlib
import socket
import threading

from control import _Controlled
from suite import suite
from https import curl, https
from workplace import filesystem, network

SECRET = "tok_9c1d5e0b7f2a4836"
STAND_IN = "fake_value_"


def use(place, server, *allowed, variables=None, files=None, tls=True, credentials=None, **more):
    """TOKEN is masked, unless `variables` says what else."""
    rules = {"envVars": [{"name": "TOKEN", "mode": "mask"}] if variables is None else variables}
    if files is not None:
        rules["files"] = files
    options = {"tlsTerminate": {"extraCaCertPaths": server.roots}} if tls else {}
    place.settings(
        {
            "network": network(server.here, *allowed, **options),
            "filesystem": filesystem(**more),
            "credentials": {**rules, **(credentials or {})},
        }
    )


def sent(server, field="authorization") -> list[str]:
    """The values of a header, request by request."""
    values = []
    for head in server.requests:
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == field:
                values.append(value)
    return values


def bearer(server, path="/x", *options) -> str:
    return curl(server, path, "-o", "/dev/null", '-H "Authorization: Bearer $TOKEN"', *options)


def with_token(place, script: str, *options):
    return place.sh(script, *options, env={"TOKEN": SECRET})


@contextlib.contextmanager
def plain_http():
    """A server without TLS; `requests` is what came, `here` where it is."""

    class Server:
        requests: list[str] = []

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server()
        server.requests, server.here = [], f"localhost:{listener.getsockname()[1]}"

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        server.requests.append(connection.recv(65536).decode("latin-1"))
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield server


# Variables


@suite.case()
def a_masked_variable_is_its_hosts_alone(place):
    with https(place) as server:
        use(place, server)
        outcome = with_token(place, f'echo "$TOKEN"; {bearer(server)}; {curl(server, "/k", "-H", "X-Key:$TOKEN")}')
        place.check(outcome.out.startswith(STAND_IN), outcome)
        place.equal(sent(server), [f"Bearer {SECRET}"], "what the server got")
        place.equal(sent(server, "x-key"), [SECRET], "in another header")
        place.check(SECRET not in outcome.out, outcome)


@suite.case()
def a_stand_in_is_another_one_each_time(place):
    with https(place) as server:
        use(place, server)
        names = {with_token(place, 'echo "$TOKEN"').out for _ in range(3)}
        place.equal(len(names), 3, f"stand-ins: {names}")


@suite.case()
def the_secret_is_nowhere_inside(place):
    with https(place) as server:
        use(place, server)
        look = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/task/*/environ 2>/dev/null | tr '\\0' '\\n'"
        outcome = with_token(place, f"{look}; env; set; grep -rs {SECRET[:9]}[0-9a-f] /dev/shm /run $TMPDIR")
        place.check(SECRET not in outcome.out and STAND_IN in outcome.out, outcome)


@suite.case()
def the_secret_is_in_no_file_and_in_no_words_outside(place):
    with https(place) as server:
        use(place, server)
        process = place.started_and_ready("echo ready; sleep 20", env={"TOKEN": SECRET})
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                int(folder.name)
                if SECRET.encode() in (folder / "cmdline").read_bytes():
                    found.append(str(folder))
        for parent, _, names in (step for top in place.state_folders() for step in os.walk(top)):
            for name in names:
                with contextlib.suppress(OSError):
                    path = pathlib.Path(parent, name)
                    if path.is_file() and SECRET.encode() in path.read_bytes():
                        found.append(str(path))
        process.kill()
        process.wait(10)
        place.equal(found, [], "where it was found")


@suite.case()
def basic_credentials_are_seen_into(place):
    """As curl and git send a token."""
    with https(place) as server:
        use(place, server)
        with_token(place, curl(server, "/x", '-u "x-access-token:$TOKEN"'))
        wanted = "Basic " + base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()
        place.equal(sent(server), [wanted], "what the server got")


@suite.case()
def another_host_gets_the_stand_in(place):
    with https(place) as server:
        numeric = f"127.0.0.1:{server.port}"
        variables = [{"name": "TOKEN", "mode": "mask", "injectHosts": ["127.0.0.1"]}]
        use(place, server, numeric, variables=variables)
        with_token(place, bearer(server))
        place.check(sent(server)[0].startswith(f"Bearer {STAND_IN}"), sent(server))
        # Neither by a Host nor by a server name that are the secret's, on a connection that is not.
        with_token(place, bearer(server, "/x", f"-H 'Host: {numeric}'"))
        with_token(place, bearer(server, "/x", f"--connect-to {numeric}:{server.here}"))
        place.check(all(SECRET not in value for value in sent(server)), sent(server))
        with_token(place, bearer(server).replace(server.here, numeric))
        place.equal(sent(server)[-1], f"Bearer {SECRET}", "its own host")


@suite.case()
def it_does_not_come_back_by_trace(place):
    """Whose answer is the request."""

    def echo(connection, head, *_):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head))

    with https(place, answer=echo) as server:
        use(place, server)
        outcome = with_token(place, curl(server, "/x", "-X TRACE", '-H "Authorization: Bearer $TOKEN"'))
        place.check(STAND_IN in outcome.out and SECRET not in outcome.out, outcome)


@suite.case()
def where_tls_is_not_opened_the_stand_in_goes(place):
    with https(place) as server, plain_http() as plain:
        use(place, server, plain.here)
        with_token(place, f'curl -sS -m 10 -H "X-Key: $TOKEN" http://{plain.here}/')
        with_token(place, f"curl -sS -m 10 --noproxy '*' -H \"X-Key: $TOKEN\" http://{plain.here}/")
        place.check(len(plain.requests) == 2, plain.requests)
        place.check(all(STAND_IN in request and SECRET not in request for request in plain.requests), plain.requests)


@suite.case()
def a_server_that_is_not_verified_gets_nothing(place):
    with https(place, "DNS:other.test") as server:
        use(place, server)
        outcome = with_token(place, curl(server, "/x", "-i", '-H "Authorization: Bearer $TOKEN"'))
        place.check(" 502 " in outcome.out and server.requests == [], outcome)


@suite.case()
def in_plaintext_only_if_that_is_said(place):
    with plain_http() as plain:
        rules = {"envVars": [{"name": "TOKEN", "mode": "mask"}]}
        place.settings({"network": network(plain.here), "credentials": rules})
        outcome = with_token(place, "echo ran")
        place.equal((outcome.status, outcome.out), (125, ""), "without TLS")
        place.check("/credentials" in outcome.err and "tlsTerminate" in outcome.err, outcome)
        place.settings({"network": network(plain.here), "credentials": {**rules, "allowPlaintextInject": True}})
        for way in ("", "--noproxy '*'", "-p"):
            with_token(place, f'curl -sS -m 10 {way} -H "X-Key: $TOKEN" http://{plain.here}/')
        place.equal(sent(plain, "x-key"), [SECRET] * 3, "what the server got")


@suite.case()
def a_secret_is_sent_as_the_bytes_that_it_is(place):
    with plain_http() as plain:
        rules = {"envVars": [{"name": "TOKEN", "mode": "mask"}], "allowPlaintextInject": True}
        place.settings({"network": network(plain.here), "credentials": rules})
        script = f'curl -sS -m 10 -H "X-Key: $TOKEN" http://{plain.here}/'
        outcome = place.sh(script, env={"TOKEN": os.fsdecode(b"no \xff utf-8")})
        place.equal(sent(plain, "x-key"), ["no \xff utf-8"], str(outcome))


@suite.case()
def a_variable_that_is_not_set_is_no_secret(place):
    with https(place) as server:
        use(place, server)
        place.equal(place.sh('echo "${TOKEN-none}"').out, "none\n", "not set")
        place.equal(place.sh('echo "<$TOKEN>"', env={"TOKEN": ""}).out, "<>\n", "empty")


@suite.case()
def what_cannot_be_sent_is_an_error_that_does_not_tell_it(place):
    with https(place) as server:
        use(place, server)
        for value in (f"{SECRET}\nX-Evil: 1", f" {SECRET}", SECRET * 3000):
            outcome = place.sh("echo ran", env={"TOKEN": value})
            place.equal((outcome.status, outcome.out), (125, ""), str(outcome))
            place.check("$TOKEN" in outcome.err and SECRET not in outcome.err, outcome)


@suite.case()
def who_denies_it_is_heard(place):
    with https(place) as server:
        use(place, server)
        project = place.project / ".srt-settings.json"
        place.settings({"credentials": {"envVars": [{"name": "TOKEN", "mode": "deny"}]}}, file=project)
        place.equal(with_token(place, 'echo "${TOKEN-none}"').out, "none\n", "denied by the project")
        narrower = {"name": "TOKEN", "mode": "mask", "injectHosts": ["127.0.0.1"]}
        rules = {"envVars": [narrower]}
        allowed = network(server.here, "127.0.0.1")
        place.settings({"network": allowed, "credentials": rules}, file=project)
        with_token(place, bearer(server))
        place.check(sent(server)[0].startswith(f"Bearer {STAND_IN}"), "hosts that the project does not name")


# Files


@suite.case()
def a_masked_file_has_a_stand_in(place):
    token = place.project / "its token"
    token.write_text(SECRET + "\n")
    with https(place) as server:
        use(place, server, files=[{"path": "its token", "mode": "mask"}], variables=[], write=["."])
        outcome = place.sh(
            "cat 'its token'; wc -l <'its token'; "
            + curl(server, "/x", "-o", "/dev/null", '''-H "Authorization: Bearer $(cat 'its token')"''')
        )
        place.check(outcome.out.startswith(STAND_IN) and outcome.out.split()[1] == "1", outcome)
        place.equal(sent(server), [f"Bearer {SECRET}"], "what the server got")
        for attack in (
            "echo x >'its token'",
            "rm -f 'its token'",
            "mv 'its token' other",
            "ln 'its token' other && cat other",
            "chmod 777 'its token'",
            f"cat /proc/self/root{token.parent}/its*token | grep {SECRET}",
            f"grep -r {SECRET} .",
        ):
            done = place.sh(attack)
            place.check(not done.ok and SECRET not in done.out, f"{attack}: {done}")
    place.equal(token.read_text(), SECRET + "\n", "the file outside")


@suite.case()
def a_masked_file_that_is_not_there_is_no_secret(place):
    with https(place) as server:
        use(place, server, files=[{"path": "token", "mode": "mask"}], variables=[])
        place.check(place.sh("echo ran; cat token").out == "ran\n", "absent")
        (place.project / "token").mkdir()
        outcome = place.sh("echo ran")
        place.check(outcome.status == 125 and "not a regular file" in outcome.err, outcome)


@suite.case()
def a_link_that_the_command_may_replace_names_no_secret(place):
    """An earlier run could have pointed it to a file that nobody meant to send anywhere."""
    (place.notes / "key").write_text(SECRET)
    (place.project / "token").symlink_to(place.notes / "key")
    with https(place) as server:
        files = [{"path": "token", "mode": "mask"}]
        use(place, server, files=files, variables=[], write=["."])
        outcome = place.sh("echo ran")
        place.check(outcome.status == 125 and "/credentials/files" in outcome.err and "link" in outcome.err, outcome)
        use(place, server, files=files, variables=[])
        outcome = place.sh(f"cat token {place.notes}/key")
        place.check(outcome.out.startswith(STAND_IN) and SECRET not in outcome.out, outcome)


@suite.case()
def explain_tells_what_is_masked(place):
    with https(place) as server:
        variables = [{"name": "TOKEN", "mode": "mask", "injectHosts": ["localhost"]}]
        use(place, server, variables=variables, files=[{"path": "token", "mode": "mask"}])
        told = place.srt("explain", env={"TOKEN": SECRET}).out
        place.check("masked: $TOKEN, for localhost" in told, told)
        place.check(f"masked: {place.project}/token, for every allowed host" in told, told)
        place.check(SECRET not in told, told)


# New rules


@suite.case()
def new_rules_leave_the_stand_ins_what_they_are(place):
    with https(place) as server:
        use(place, server)
        box = _Controlled(place, env={"TOKEN": SECRET})
        code = curl(server, "/x", '-H "X: $TOKEN"', "-o", "/dev/null", "-w", "'%{http_code}\\n'") + " 2>/dev/null"
        place.equal(box.does(code), "200", "before")
        document = json.loads((place.home / ".srt-settings.json").read_text())
        document["network"]["stripResponseHeaders"] = ["x-secret"]
        box.send(document)
        shown = curl(server, "/x", '-H "X: $TOKEN"', "-i") + " | grep -c X-Secret"
        place.equal(box.until(shown, "0"), "0", "new rules")
        place.equal(sent(server, "x")[-1], SECRET, "what the server got")
        box.end()
