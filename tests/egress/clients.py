"""Real clients, with proxy variables and without: what is allowed arrives, what is not does not."""

import os
import shutil

from box import Box, ssh_command
from denials import _mark, _nothing_left
from suite import suite

_FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=15).read().decode())"
_NODE = "fetch(process.argv[1]).then(r => r.text()).then(console.log, e => { console.error(String(e.cause || e)); process.exit(1) })"
CLIENTS = {
    "curl": "curl -fsS -m 20 {url}",
    "wget": "wget -qO- -T 15 -t 1 --ca-certificate=/etc/ca.pem {url}",
    "python": f"/usr/bin/python3 -c '{_FETCH}' {{url}}",
    "node": f"node -e '{_NODE}' {{url}}",
}
_URLS = ("http://{}/", "https://{}/", "http://{}:8080/", "https://{}:8443/")


def _each_url(scene, client: str, proxies: bool) -> None:
    if not shutil.which(client if client != "python" else "/usr/bin/python3"):
        scene.skip(f"{client}: not found")
    box = Box(scene, allow=["allowed.example", "v6only.example"])
    for pattern in _URLS:
        for name in ("allowed.example", "v6only.example"):
            url = pattern.format(name)
            outcome = box.sh(CLIENTS[client].replace("{url}", url), proxies=proxies)
            scene.check("hello / from" in outcome.out, f"{url}: {outcome}")
        url = pattern.format("denied.example")
        _mark(scene)
        outcome = box.sh(CLIENTS[client].replace("{url}", url), proxies=proxies)
        scene.check(not outcome.ok and "hello" not in outcome.out, f"{url}: {outcome}")
        _nothing_left(scene, url)


def _register(client: str) -> None:
    for proxies in (True, False):
        name = f"{client}_{'with' if proxies else 'without'}_proxy_variables"
        suite.case(name=name)(lambda scene, p=proxies: _each_url(scene, client, p))


for _client in CLIENTS:
    _register(_client)


@suite.case()
def git_over_https(scene):
    box = Box(scene, allow=["git.example"])
    for proxies in (True, False):
        for url in ("https://git.example/git/project.git", "http://git.example/git/project.git"):
            outcome = box.sh(f"rm -rf /tmp/c; git clone -q {url} /tmp/c && cat /tmp/c/file",
                             proxies=proxies)  # fmt: skip
            scene.check("from the repository" in outcome.out, f"{url}: {outcome}")
            _mark(scene)
            denied = url.replace("git.example", "denied.example")
            outcome = box.sh(f"git clone -q {denied} /tmp/d", proxies=proxies)
            scene.check(not outcome.ok, f"{denied}: {outcome}")
            _nothing_left(scene, denied)


@suite.case()
def git_over_ssh(scene):
    _needs_ssh(scene)
    box = Box(scene, allow=["git.example:22"])
    path = scene.world.folder / "git/project.git"
    outcome = box.sh(f"git clone -q ssh://root@git.example{path} /tmp/c && cat /tmp/c/file")
    scene.check("from the repository" in outcome.out, str(outcome))
    _mark(scene)
    outcome = box.sh(f"git clone -q ssh://root@denied.example{path} /tmp/d")
    scene.check(not outcome.ok, str(outcome))
    _nothing_left(scene, "git over ssh to a denied host")


@suite.case()
def ssh_by_itself_and_through_socks(scene):
    _needs_ssh(scene)
    box = Box(scene, allow=["allowed.example:22"])
    through = "-o 'ProxyCommand=nc -X 5 -x localhost:1080 %h %p'"
    for words in ("", through) if _openbsd_nc() else ("",):
        outcome = box.sh(f"{ssh_command()} {words} root@allowed.example echo reached")
        scene.check("reached" in outcome.out, f"{words}: {outcome}")
        _mark(scene)
        outcome = box.sh(f"{ssh_command()} {words} root@denied.example echo reached")
        scene.check(not outcome.ok and "reached" not in outcome.out, f"{words}: {outcome}")
        _nothing_left(scene, f"ssh {words}")


@suite.case()
def ssh_on_port_443_is_allowed(scene):
    """GitHub's way round networks that allow nothing else; a banner is what tells it."""
    box = Box(scene, allow=["allowed.example"])
    box.tool("wire", "--wait", "3", "allowed.example", "443", "SSH-2.0-x\\r\\n", proxies=False)
    scene.check(box.event(event="ended", port=443)["bytesUp"] > 0, "the banner did not get through")
    scene.check(not box.events(event="denied", reason="not-tls"), str(box.events()))


@suite.case()
def openssl_s_client(scene):
    box = Box(scene, allow=["allowed.example"])
    for words, host in (("-connect allowed.example:443", "allowed.example"),
                        ("-proxy localhost:3128 -connect allowed.example:443", "allowed.example"),
                        ("-connect allowed.example:8443", "allowed.example")):  # fmt: skip
        request = f"'GET / HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n'"
        outcome = box.sh(
            f"printf {request} | timeout 15 openssl s_client -quiet -verify_return_error "
            f"-CAfile /etc/ca.pem -servername {host} {words}"
        )
        scene.check("hello / from allowed.example" in outcome.out, f"{words}: {outcome}")
        _mark(scene)
        outcome = box.sh(
            f"printf x | timeout 15 openssl s_client {words.replace('allowed.', 'denied.')}"
        )
        scene.check(not outcome.ok, f"{words}: {outcome}")
        _nothing_left(scene, words)


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


def _needs_ssh(scene) -> None:
    if not shutil.which("ssh"):
        scene.skip("ssh: not found")
    if not shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin"):
        scene.skip("sshd: not found")
