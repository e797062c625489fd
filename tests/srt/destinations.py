"""What can be reached, by which document says so; the guard itself is tests/egress."""

import http.server
import threading

from control import _fetch, _Server
from suite import suite
from workplace import network


def _codes(place, *ports_or_hosts, **keywords) -> list[str]:
    script = "; ".join(
        _fetch(name) if isinstance(name, int) else _fetch(80).replace("localhost:80", name)
        for name in ports_or_hosts
    )
    outcome = place.sh(script, **keywords)
    place.check(outcome.ok or outcome.out, outcome)
    return outcome.out.split()


def _project(place, *allowed, **more) -> None:
    place.settings(
        {"network": network(*allowed, **more)}, file=place.project / ".srt-settings.json"
    )


# Layers


@suite.case()
def a_projects_file_narrows_what_is_reached(place):
    place.needs("curl")
    with _Server() as server:
        here = f"localhost:{server.port}"
        place.settings({"network": network(here)})
        place.equal(_codes(place, server.port), ["200"], "without one")
        _project(place, here, "evil.test")
        place.equal(_codes(place, server.port, "evil.test"), ["200", "403"], "what both allow")
        _project(place, "evil.test")
        place.equal(_codes(place, server.port, "evil.test"), ["403", "403"], "another one only")
        _project(place, here, denied=["localhost"])
        place.equal(_codes(place, server.port), ["403"], "what it denies")


@suite.case()
def flags_and_variables_open_and_close_destinations(place):
    place.needs("curl")
    with _Server() as server:
        here = f"localhost:{server.port}"
        _project(place)
        place.equal(
            _codes(place, server.port, env={"SRT_ALLOW_DOMAINS": f"a.test, {here}"}),
            ["200"],
            "SRT_ALLOW_DOMAINS, whatever the project says",
        )
        outcome = place.sh(_fetch(server.port), "--allow-domain", "a.test", "--allow-domain", here)
        place.equal(outcome.out.strip(), "200", "--allow-domain")
        place.settings({"network": network(here)})
        (place.project / ".srt-settings.json").unlink()
        place.equal(
            _codes(place, server.port, env={"SRT_DENY_DOMAINS": "localhost"}), ["403"], "SRT_DENY_DOMAINS"
        )
        outcome = place.sh(_fetch(server.port), "--deny-domain", "localhost")
        place.equal(outcome.out.strip(), "403", "--deny-domain")


@suite.case()
def a_projects_file_chooses_no_way_out(place):
    """The sandboxed code may have written it: its traffic is not led to where it likes, and no port is opened."""
    place.settings({"network": network("a.test")})
    for key, value in {
        "parentProxy": {"http": "http://192.0.2.1:3128"},
        "mitmProxy": {"socketPath": "/run/p.sock", "domains": ["a.test"]},
        "httpProxyPort": 3128,
        "socksProxyPort": 1080,
        "publish": ["8080"],
    }.items():
        _project(place, "a.test", **{key: value})
        outcome = place.srt("echo ran; true")
        place.equal(outcome.status, 125, f"{key}: {outcome}")
        place.check(f"/network/{key}" in outcome.err and "ran" not in outcome.out, outcome)


@suite.case()
def a_projects_file_loosens_nothing(place):
    place.settings({"network": network("a.test")})
    place.settings(
        {
            "allowNestedUserNamespaces": True,
            "enableWeakerNestedSandbox": True,
            "bwrapPath": "/usr/bin/true",
            "ignoreViolations": {"*": ["/"]},
            "network": network("a.test", allowAllUnixSockets=True, allowUnixSockets=["/run/x"]),
            "filesystem": {
                "denyRead": [],
                "allowWrite": ["/"],
                "denyWrite": [],
                "disabled": True,
                "allowGitConfig": True,
            },
        },
        file=place.project / ".srt-settings.json",
    )
    told = place.srt("explain").out
    for key in (
        "allowNestedUserNamespaces",
        "enableWeakerNestedSandbox",
        "bwrapPath",
        "ignoreViolations",
        "network/allowAllUnixSockets",
        "filesystem/disabled",
        "filesystem/allowGitConfig",
    ):
        place.check(f"/{key}: is left out" in told, f"{key}: {told}")
    place.check("weaker:" not in told, told)
    outcome = place.sh("touch made; touch ../notes/made; unshare -U true && echo nested; true")
    place.equal(place.names(), [".srt-settings.json"], str(outcome))
    place.check("nested" not in outcome.out and not list(place.notes.iterdir()), outcome)


# permissions


@suite.case()
def permissions_spell_destinations_and_sockets(place):
    place.needs("curl")
    with _Server() as server:
        place.settings(
            {
                "permissions": {
                    "allow": [f"WebFetch(domain:localhost:{server.port})", "UnixSocket(/run/x)"],
                    "deny": ["WebFetch(domain:b.test)"],
                }
            }
        )
        place.equal(_codes(place, server.port, "b.test", "c.test"), ["200", "403", "403"], "codes")
        told = place.srt("explain").out
        place.check("/run/x" in told and "b.test" in told, told)


# Proxies of others


@suite.case()
def an_external_proxy_gets_what_the_rules_allow(place):
    """httpProxyPort: decided here first, then relayed there."""
    place.needs("curl")
    asked = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802  (http.server's name)
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        place.settings({"network": network("a.test", httpProxyPort=proxy.server_address[1])})
        place.equal(_codes(place, "a.test", "b.test"), ["200", "403"], "codes")
        place.equal(asked, ["http://a.test/"], "what the external proxy was asked for")
        inside = place.says("echo $HTTP_PROXY $https_proxy")
        place.equal(inside, "http://localhost:3128 http://localhost:3128", "variables inside")
    finally:
        proxy.shutdown()
        proxy.server_close()


# Names and addresses


@suite.case()
def a_name_that_is_not_allowed_is_not_there(place):
    place.settings({"network": network("a.test")})
    place.equal(place.says("getent hosts a.test >/dev/null && echo there; getent hosts b.test || echo none"), "there\nnone", "names")


# What passes


@suite.case()
def where_opaque_tunnels_are_refused_requests_pass(place):
    place.needs("curl")
    with _Server() as server:
        place.settings({"network": network(f"localhost:{server.port}", refuseOpaqueTunnels=True)})
        tunnel = _fetch(server.port).replace("-m 5", "-m 5 -p -x http://localhost:3128 --noproxy ''")
        outcome = place.sh(f"{_fetch(server.port)}; {tunnel.replace('http_code', 'http_connect')}")
        place.equal(outcome.out.split(), ["200", "403"], str(outcome))


@suite.case()
def a_header_that_is_to_be_stripped_does_not_come_back(place):
    place.needs("curl")
    with _Server() as server:
        shown = f"curl -s -m 5 -D - -o /dev/null http://localhost:{server.port}/"
        place.settings({"network": network(f"localhost:{server.port}")})
        place.check("Server:" in place.sh(shown).out, "the header without the rule")
        place.settings(
            {"network": network(f"localhost:{server.port}", stripResponseHeaders=["server"])}
        )
        outcome = place.sh(shown)
        place.check("200" in outcome.out and "Server:" not in outcome.out, outcome)
        place.check("plain HTTP" in place.srt("explain").out, "explain does not say what it is about")


@suite.case()
def a_reason_of_two_lines_is_told_in_one(place):
    place.needs("curl")
    reason = "use the mirror\r\nSet-Cookie: taken"
    place.settings(
        {"network": network(denied=["a.test"], deniedDomainReasons={"a.test": reason})}
    )
    outcome = place.sh("curl -s -m 5 -D - -o /dev/null -x http://localhost:3128 http://a.test/")
    lines = [line.strip() for line in outcome.out.splitlines()]
    place.check("use the mirror  Set-Cookie: taken" in lines[0], outcome)
    place.check(not any(line.startswith("Set-Cookie") for line in lines), outcome)


@suite.case()
def an_address_that_is_listed_is_reached_within_a_denied_range(place):
    place.needs("curl")
    with _Server() as server:
        here = f"127.0.0.1:{server.port}"
        place.settings({"network": network(here, deniedResolvedAddresses=["127.0.0.0/8"])})
        place.equal(_codes(place, here), ["200"], "the address itself")
        place.settings(
            {"network": network(here, denied=["127.0.0.1"], deniedResolvedAddresses=["10.0.0.0/8"])}
        )
        place.equal(_codes(place, here), ["403"], "an address of the deny list")
