"""Real clients, with proxy variables and without, over each family, on each port: what is allowed arrives,
what is not does not, and nobody outside hears of it."""

import os
import re
import shutil
from dataclasses import dataclass

from box import Box, ssh_command
from denials import _mark, _nothing_left
from suite import suite

# Over which family a name is asked for is the test's choice; where it leads outside is the name's.
_ALLOWED = ("v4only.example", "v6only.example")
_DENIED = ("denied.example",)
_WEB = (("http", 80), ("https", 443), ("http", 8080), ("https", 8443))
_HELLO = "hello / from"


@dataclass(frozen=True)
class Client:
    program: str
    line: str  # {name} {port} {family} {url}: one request; for a tool its standard input
    tool: str = ""  # a program that reads all the lines
    places: tuple = _WEB  # scheme and port
    says: str = _HELLO  # what a request that arrived prints


_GET = r"printf 'GET / HTTP/1.0\r\nHost: {name}:{port}\r\n\r\n'"
_S_CLIENT = (
    _GET + " | timeout 20 openssl s_client -quiet -verify_return_error -CAfile /etc/ca.pem "
    "-servername {name} -connect {name}:{port}"
)
_HTTPS = (("https", 443), ("https", 8443))
_HTTP = (("http", 80), ("http", 8080))
_SSH = (("ssh", 22),)
_SOCKS = "-o 'ProxyCommand=nc -X 5 -x localhost:1080 %h %p'"
_CLONE = "d=$(mktemp -d); git clone -q {words} && cat $d/c/file"
_CLONED = "from the repository"
CLIENTS = {
    "curl": Client("curl", "curl -fsS -m 20 -{family} {url}"),
    "wget": Client("wget", "wget -{family} -qO- -T 20 -t 1 --ca-certificate=/etc/ca.pem {url}"),
    "python": Client("/usr/bin/python3", "{family} {url}", tool="/usr/bin/python3 -B /tools/fetch.py"),
    "node_fetch": Client("node", "fetch {family} {url}", tool="node /tools/fetch.js"),
    "node_get": Client("node", "get {family} {url}", tool="node /tools/fetch.js"),
    "git": Client(
        "git",
        _CLONE.format(words="--ipv{family} {url}git/project.git $d/c"),
        says=_CLONED,
    ),
    "git_over_ssh": Client(
        "ssh",
        _CLONE.format(words="--ipv{family} ssh://root@{name}{repository} $d/c"),
        places=_SSH,
        says=_CLONED,
    ),
    "ssh": Client("ssh", ssh_command() + " -{family} root@{name} echo reached", places=_SSH, says="reached"),
    "ssh_through_socks": Client(
        "ssh", f"{ssh_command()} {_SOCKS} root@{{name}} echo reached", places=_SSH, says="reached"
    ),
    "openssl": Client("openssl", _S_CLIENT + " -{family}", places=_HTTPS),
    "openssl_through_connect": Client("openssl", _S_CLIENT + " -proxy localhost:3128", places=_HTTPS),
    "nc": Client("nc", _GET + " | nc -N -w 10 -{family} {name} {port}", places=_HTTP),
    "nc_through_socks": Client(
        "nc", _GET + " | nc -N -w 10 -X 5 -x localhost:1080 {name} {port}", places=_HTTP
    ),
    "nc_through_connect": Client(
        "nc", _GET + " | nc -N -w 10 -X connect -x localhost:3128 {name} {port}", places=_HTTP
    ),
}


def _requests(client: Client, names, repository: str) -> dict[str, str]:
    """What each is called: the line that asks for it."""
    found = {}
    for name in names:
        for scheme, port in client.places:
            usual = port in (80, 443)
            url = f"{scheme}://{name}/" if usual else f"{scheme}://{name}:{port}/"
            for family in ("4", "6"):
                line = client.line.format(name=name, port=port, family=family, url=url, repository=repository)
                found[f"{url} over IPv{family}"] = line
    return found


def _ask(box: Box, client: Client, lines, proxies: bool) -> list[str]:
    """What came of each line, all in one call."""
    if client.tool:
        script = f"{client.tool} <<'END' 2>&1\n" + "\n".join(lines) + "\nEND"
    else:
        script = "".join(f"echo '=== {n}'; ({line}) 2>&1\n" for n, line in enumerate(lines)) + "true"
    outcome = box.sh(script, proxies=proxies, timeout=120)
    parts = re.split(r"^=== \d+\n", outcome.out, flags=re.MULTILINE)[1:]
    box.scene.equal(len(parts), len(lines), f"answers: {outcome}")
    return parts


def _reaches_exactly_what_is_allowed(scene, client: Client, proxies: bool) -> None:
    _needs(scene, client)
    box = Box(scene, allow=_ALLOWED)
    repository = str(scene.world.folder / "git/project.git")
    requests = _requests(client, _ALLOWED, repository)
    for what, answer in zip(requests, _ask(box, client, requests.values(), proxies)):
        scene.check(client.says in answer, f"{what}: {answer[-300:]}")
    _mark(scene)
    requests = _requests(client, _DENIED, repository)
    for what, answer in zip(requests, _ask(box, client, requests.values(), proxies)):
        scene.check(client.says not in answer, f"{what}: {answer[-300:]}")
    _nothing_left(scene, "what is denied")


def _register(name: str) -> None:
    for proxies in (True, False):
        title = f"{name}_{'with' if proxies else 'without'}_proxy_variables"
        suite.case(name=title)(
            lambda scene, p=proxies: _reaches_exactly_what_is_allowed(scene, CLIENTS[name], p)
        )


for _name in CLIENTS:
    _register(_name)


@suite.case()
def ssh_on_port_443_is_allowed(scene):
    """GitHub's way round networks that allow nothing else; a banner is what tells it."""
    box = Box(scene, allow=["allowed.example"])
    box.tool("wire", "--wait", "3", "allowed.example", "443", "SSH-2.0-x\\r\\n", proxies=False)
    scene.check(box.event(event="ended", port=443)["bytesUp"] > 0, "the banner did not get through")
    scene.check(not box.events(event="denied", reason="not-tls"), str(box.events()))


@suite.case()
def nc_speaks_any_protocol(scene):
    if not _openbsd_nc():
        scene.skip("nc is not OpenBSD's")
    box = Box(scene, allow=["allowed.example:7", "allowed.example:25"])
    for words in ("", "-X 5 -x localhost:1080", "-X connect -x localhost:3128"):
        outcome = box.sh(f"echo anything at all | nc -N -w 10 {words} allowed.example 7")
        scene.check("anything at all" in outcome.out, f"{words}: {outcome}")
        outcome = box.sh(f"sleep 1 | nc -w 10 -N {words} allowed.example 25")
        scene.check("220 ready" in outcome.out, f"a server that speaks first, {words}: {outcome}")
        _mark(scene)
        outcome = box.sh(f"echo x | nc -N -w 10 {words} denied.example 7")
        scene.check(not outcome.ok and not outcome.out, f"{words}: {outcome}")
        _nothing_left(scene, f"nc {words}")


def _openbsd_nc() -> bool:
    return "openbsd" in os.path.realpath(shutil.which("nc") or "")


def _needs(scene, client: Client) -> None:
    if not shutil.which(client.program):
        scene.skip(f"{client.program}: not found")
    if client.places == _SSH and not shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin"):
        scene.skip("sshd: not found")
    if " nc " in client.line and not _openbsd_nc():
        scene.skip("nc is not OpenBSD's")
