"""Settings documents, valid and invalid: which are taken, and what is said of the others."""

import json
from dataclasses import dataclass

from suite import suite
from workplace import filesystem, network

N, F = network, filesystem


@dataclass
class Document:
    name: str
    content: object  # what json prints, or text as it is
    says: tuple = ()  # of a refused one: all of it must be in the message


def _network(**keys) -> dict:
    return {"network": {**N(), **keys}, "filesystem": F()}


def _masked(**credentials) -> dict:
    return _top(**_network(allowedDomains=["a.test"], tlsTerminate={}), credentials=credentials)


def _files(**keys) -> dict:
    return {"network": N(), "filesystem": {**F(), **keys}}


def _top(**keys) -> dict:
    return {"network": N(), "filesystem": F(), **keys}


ACCEPTED = [
    Document("the smallest that the npm package takes", _top()),
    Document("filesystem alone", {"filesystem": F()}),
    Document("network alone", {"network": N()}),
    Document("an empty object", {}),
    Document("domains", _network(allowedDomains=["github.com", "*.github.com", "localhost"])),
    Document("a domain with a port", _network(allowedDomains=["github.com:443"])),
    Document(
        "an address", _network(allowedDomains=["192.0.2.7", "[2001:db8::7]", "[2001:db8::7]:443"])
    ),
    Document("everything denied", _network(deniedDomains=["*"])),
    Document("a port denied everywhere", _network(deniedDomains=["*:22"])),
    Document(
        "reasons", _network(deniedDomains=["a.test"], deniedDomainReasons={"a.test": "not here"})
    ),
    Document("strictAllowlist", _network(strictAllowlist=True)),
    Document(
        "deniedResolvedAddresses", _network(deniedResolvedAddresses=["10.0.0.0/8", "fc00::/7"])
    ),
    Document("host bits", _network(deniedResolvedAddresses=["10.0.0.1/8", "fd00::1/8"])),
    Document("allowUnixSockets", _network(allowUnixSockets=["/run/some.sock"])),
    Document("allowAllUnixSockets", _network(allowAllUnixSockets=False)),
    Document("allowLocalBinding", _network(allowLocalBinding=True)),
    Document("allowMachLookup", _network(allowMachLookup=["com.example.*", "com.example.one"])),
    Document(
        "parentProxy", _network(parentProxy={"http": "http://192.0.2.1:3128", "noProxy": "a.test"})
    ),
    Document("publish", _network(publish=["8080", "8080:80", "127.0.0.1:8081:80"])),
    Document("allowPlaintextHeaderSet false", _network(allowPlaintextHeaderSet=False)),
    Document("refuseOpaqueTunnels false", _network(refuseOpaqueTunnels=False)),
    Document("refuseOpaqueTunnels", _network(refuseOpaqueTunnels=True)),
    Document("stripResponseHeaders", _network(stripResponseHeaders=["set-cookie", "X_A"])),
    Document("a reason of two lines", _network(deniedDomainReasons={"a.test": "x\r\ny"})),
    Document(
        "blanks around what a parent is",
        _network(parentProxy={"http": " http://192.0.2.1:3128\n", "noProxy": "a.test,\n\tb.test"}),
    ),
    Document("requireHostMatch", _network(requireHostMatch=True)),
    Document("allowPlaintextHeaderSet", _network(allowPlaintextHeaderSet=True)),
    Document("ambiguousRequestTarget", _network(ambiguousRequestTarget="normalize")),
    Document("credentials in plain text", _top(credentials={"allowPlaintextInject": True})),
    Document("signatures of requests", _top(credentials={"sigv4": {"streaming": "deny"}})),
    Document("a schema for editors", _top(**{"$schema": "https://example.com/settings.json"})),
    Document("an address of one link", _network(allowedDomains=["[fe80::1%eth0]:443"])),
    Document("a range of one link", _network(deniedResolvedAddresses=["fe80::%eth0/64"])),
    Document("a parent without a scheme", _network(parentProxy={"http": "proxy.test:3128"})),
    Document("a parent with a path", _network(parentProxy={"https": "http://proxy.test:3128/x?y"})),
    Document(
        "a proxy at a unix socket",
        _network(mitmProxy={"socketPath": "/run/p.sock", "domains": ["*.a.test", "b.test"]}),
    ),
    Document("a file called ~$a.docx", _files(denyWrite=["~$a.docx"])),
    Document("a folder called ~name", _files(allowWrite=["~name/x"], allowRead=["~name"])),
    *(
        Document(
            f"a port written {number}",
            f'{{"network": {{"allowedDomains": [], "deniedDomains": [], "httpProxyPort": {number}}}}}',
        )
        for number in ("8080.0", "8e3", "80800E-1")
    ),
    Document("paths", _files(denyRead=["~/.ssh"], allowWrite=[".", "/tmp"], denyWrite=[".env"])),
    Document(
        "globs",
        _files(denyRead=["**/.env"], allowWrite=["build-*"], denyWrite=["**/*.pem", "a?[bc]"]),
    ),
    Document("a relative pattern with a slash at its end", _files(denyRead=["build/*/"])),
    Document("a pattern that holds for nobody", _files(disabled=True, denyRead=["/x/*/"])),
    Document(
        "credentials that are masked",
        _masked(
            envVars=[{"name": "A", "mode": "mask", "injectHosts": ["a.test"]}],
            files=[{"path": "~/token", "mode": "mask"}],
        ),
    ),
    Document("credentials that ask for nothing", _top(credentials={"files": [], "envVars": []})),
    Document(
        "credentials that are denied",
        _top(
            credentials={
                "files": [{"path": "~/.netrc", "mode": "deny"}],
                "envVars": [{"name": "TOKEN", "mode": "deny", "extract": "(x)"}],
            }
        ),
    ),
    Document("no header to strip", _network(stripResponseHeaders=[])),
    Document("literal", _files(allowWrite=[{"path": "a[1]", "literal": True}])),
    Document("allowRead", _files(denyRead=["~"], allowRead=["."])),
    Document("filesystem.disabled", _files(disabled=True)),
    Document("allowGitConfig", _files(allowGitConfig=True)),
    Document("ignoreViolations", _top(ignoreViolations={"*": ["/etc/hosts"], "git push": ["/x"]})),
    Document("enableWeakerNestedSandbox", _top(enableWeakerNestedSandbox=True)),
    Document("allowNestedUserNamespaces", _top(allowNestedUserNamespaces=True)),
    Document("enableWeakerNetworkIsolation", _top(enableWeakerNetworkIsolation=False)),
    Document("allowAppleEvents", _top(allowAppleEvents=False)),
    Document("ripgrep", _top(ripgrep={"command": "rg", "args": ["--hidden"]})),
    Document("mandatoryDenySearchDepth", _top(mandatoryDenySearchDepth=10)),
    Document("allowPty", _top(allowPty=True)),
    Document("seccomp", _top(seccomp={"applyPath": "/x/apply"})),
    Document("bwrapPath", _top(bwrapPath="/usr/bin/bwrap")),
    Document("socatPath", _top(socatPath="/usr/bin/socat")),
    Document("javaAgentJarPath", _top(javaAgentJarPath="/x/a.jar")),
    Document("git", _top(git={"safeDirectories": ["/x"]})),
    Document("windows", _top(windows={"backend": "mxc"})),
    Document("resources", _top(resources={"memory": "512m", "cpus": 1.5, "pids": 100})),
    Document("audit", _top(audit={"maxBytes": "1m", "keep": 2})),
    Document(
        "permissions",
        _top(
            permissions={
                "allow": ["WebFetch(domain:a.test)", "Read(.)", "Edit(./src)", "UnixSocket(/p)"]
            }
        ),
    ),
]

REFUSED = [
    Document("nothing", "", ()),
    Document("blanks", " \n\t", ()),
    Document("half a document", '{"network": {', ()),
    Document("no JSON", "allowWrite: [.]", ()),
    Document("a list", "[]", ()),
    Document("null", "null", ()),
    Document("two documents", "{} {}", ()),
    Document(
        "a key twice",
        '{"filesystem": {"denyRead": [], "denyRead": [], "allowWrite": [], "denyWrite": []}}',
        (),
    ),
    Document(
        "invalid UTF-8",
        b'{"filesystem": {"denyRead": ["\xff"], "allowWrite": [], "denyWrite": []}}',
        (),
    ),
    Document("a section that is null", '{"network": null}', ("/network",)),
    Document("a section that is a list", '{"filesystem": []}', ("/filesystem",)),
    Document("an unknown key", _top(netwrok={}), ("/netwrok", "network")),
    Document(
        "a misspelled list",
        _files(alowWrite=["."]),
        ("/filesystem/alowWrite", 'did you mean "allowWrite"?'),
    ),
    Document(
        "a misspelled domain list",
        _network(allowDomains=[]),
        ("/network/allowDomains", "allowedDomains"),
    ),
    Document("no allowedDomains", {"network": {"deniedDomains": []}}, ("allowedDomains",)),
    Document("no deniedDomains", {"network": {"allowedDomains": []}}, ("deniedDomains",)),
    Document("no denyRead", {"filesystem": {"allowWrite": [], "denyWrite": []}}, ("denyRead",)),
    Document("no allowWrite", {"filesystem": {"denyRead": [], "denyWrite": []}}, ("allowWrite",)),
    Document("no denyWrite", {"filesystem": {"denyRead": [], "allowWrite": []}}, ("denyWrite",)),
    Document(
        "a scheme", _network(allowedDomains=["https://a.test"]), ("/network/allowedDomains/0",)
    ),
    Document(
        "a path in a domain", _network(allowedDomains=["a.test/x"]), ("/network/allowedDomains/0",)
    ),
    Document("a leading dot", _network(allowedDomains=[".a.test"]), ("/network/allowedDomains/0",)),
    Document(
        "a trailing dot", _network(allowedDomains=["a.test."]), ("/network/allowedDomains/0",)
    ),
    Document(
        "one label after the star",
        _network(allowedDomains=["*.com"]),
        ("/network/allowedDomains/0",),
    ),
    Document(
        "a star inside", _network(allowedDomains=["a.*.test"]), ("/network/allowedDomains/0",)
    ),
    Document("everything allowed", _network(allowedDomains=["*"]), ("/network/allowedDomains/0",)),
    Document(
        "a port allowed everywhere",
        _network(allowedDomains=["*:22"]),
        ("/network/allowedDomains/0",),
    ),
    Document("port 0", _network(allowedDomains=["a.test:0"]), ("/network/allowedDomains/0",)),
    Document(
        "port 65536", _network(allowedDomains=["a.test:65536"]), ("/network/allowedDomains/0",)
    ),
    Document(
        "a port with a leading zero",
        _network(allowedDomains=["a.test:080"]),
        ("/network/allowedDomains/0",),
    ),
    Document("an empty domain", _network(deniedDomains=[""]), ("/network/deniedDomains/0",)),
    Document(
        "a domain that is a number", _network(allowedDomains=[7]), ("/network/allowedDomains/0",)
    ),
    Document("a text for a list", _files(allowWrite="."), ("/filesystem/allowWrite",)),
    Document(
        "an absolute pattern with a slash at its end",
        _files(denyRead=["/x/*/"]),
        ("/filesystem/denyRead/0", '"/x/*"'),
    ),
    Document("an empty path", _files(denyRead=[""]), ("/filesystem/denyRead/0",)),
    Document(
        "literal false",
        _files(allowWrite=[{"path": "a", "literal": False}]),
        ("/filesystem/allowWrite/0",),
    ),
    Document(
        "an entry with another key",
        _files(allowWrite=[{"path": "a", "glob": True}]),
        ("/filesystem/allowWrite/0",),
    ),
    Document("a flag that is a text", _files(disabled="yes"), ("/filesystem/disabled",)),
    Document("a proxy port too large", _network(httpProxyPort=65536), ("/network/httpProxyPort",)),
    Document(
        "a proxy port that is text", _network(socksProxyPort="1080"), ("/network/socksProxyPort",)
    ),
    Document(
        "a prefix too long",
        _network(deniedResolvedAddresses=["10.0.0.1/33"]),
        ("/network/deniedResolvedAddresses/0",),
    ),
    Document(
        "a parent that is no URL",
        _network(parentProxy={"http": "192.0.2.1"}),
        ("/network/parentProxy/http",),
    ),
    Document(
        "a socket that is no path",
        _network(mitmProxy={"socketPath": "@p", "domains": ["a.test"]}),
        ("/network/mitmProxy/socketPath",),
    ),
    Document(
        "a proxy for nobody",
        _network(mitmProxy={"socketPath": "/p", "domains": []}),
        ("/network/mitmProxy/domains",),
    ),
    Document(
        "a proxy for everybody",
        _network(mitmProxy={"socketPath": "/p", "domains": ["*"]}),
        ("/network/mitmProxy/domains/0",),
    ),
    Document("search depth 0", _top(mandatoryDenySearchDepth=0), ("/mandatoryDenySearchDepth",)),
    Document("search depth 11", _top(mandatoryDenySearchDepth=11), ("/mandatoryDenySearchDepth",)),
    Document("a relative bwrapPath", _top(bwrapPath="bwrap"), ("/bwrapPath",)),
    Document(
        "one label after the star in a denial",
        _network(deniedDomains=["*.com"]),
        ("/network/deniedDomains/0",),
    ),
    *(
        Document(
            f"{key} {value}",
            _network(tlsTerminate={key: value}),
            (f"/network/tlsTerminate/{key}: must be between",),
        )
        for key, value in (
            ("maxTunnels", 0),
            ("maxTunnels", 65537),
            ("handshakeTimeoutMs", 99),
            ("handshakeTimeoutMs", 600_001),
        )
    ),
    *(
        Document(
            f"the host {host}",
            _network(**{key: [host]}),
            (f"/network/{key}/0", "localhost"),
        )
        for key in ("allowedDomains", "deniedDomains")
        for host in ("intranet", "LOCALHOST", "16909060", "com:443")
    ),
    Document("a port and a half", _network(httpProxyPort=8080.5), ("/network/httpProxyPort",)),
    Document("another user's home", _files(denyRead=["~root/.ssh"]), ("~root/.ssh",)),
    Document(
        "a pattern with a slash at its end that is a credential",
        _top(credentials={"files": [{"path": "/x/*/", "mode": "deny"}]}),
        ("/credentials/files/0/path",),
    ),
    Document("httpProxyPort 0", _network(httpProxyPort=0), ("/network/httpProxyPort",)),
    Document(
        "a credential of no mode",
        _top(credentials={"files": [{"path": "/x"}]}),
        ("/credentials/files/0",),
    ),
    Document(
        "a credential of an unknown mode",
        _top(credentials={"files": [{"path": "/x", "mode": "hide"}]}),
        ("/credentials/files/0/mode",),
    ),
    Document(
        "a variable that is none",
        _top(credentials={"envVars": [{"name": "1A", "mode": "deny"}]}),
        ("/credentials/envVars/0/name",),
    ),
    Document(
        "a permission of another kind",
        _top(permissions={"allow": ["Bash(ls)"]}),
        ("/permissions/allow/0",),
    ),
    Document(
        "an empty reason", _network(deniedDomainReasons={"a.test": ""}), ("deniedDomainReasons/a.test",)
    ),
    Document(
        "a header without a name",
        _network(stripResponseHeaders=[""]),
        ("/network/stripResponseHeaders/0",),
    ),
    Document(
        "a v4 network within v6 that is none",
        _network(deniedResolvedAddresses=["::ffff:10.0.0.0/95"]),
        ("/network/deniedResolvedAddresses/0",),
    ),
    Document(
        "a bracket and a slash at the end of a denial",
        _files(denyRead=["/x/[a/"]),
        ("/filesystem/denyRead/0", '"/x/[a"'),
    ),
    Document(
        "a pattern without a group",
        _top(credentials={"files": [{"path": "/x", "mode": "deny", "extract": "key=.*"}]}),
        ("/credentials/files/0/extract", "no group"),
    ),
    Document("a comment", '// mine\n{"filesystem": {}}', ("line 1, column 1", "no comments")),
    Document("a last comma", '{"network": {},}', ("line 1, column 16", "no comma")),
    Document(
        "two mistakes at once", {"filesystem": {**F(), "x": 1}, "y": 2}, ("/filesystem/x", "/y")
    ),
]

# Keys that the npm package has and that are not honoured: an error that says so, never silence.
NOT_YET = [
    Document(
        "a masked part of a variable",
        _masked(envVars=[{"name": "A", "mode": "mask", "extract": "(x)"}]),
        ("/credentials/envVars/0/extract",),
    ),
    Document(
        "a masked part of a token in a file",
        _masked(files=[{"path": "/x", "mode": "mask", "decode": "jwt"}]),
        ("/credentials/files/0/decode",),
    ),
    Document(
        "a parent proxy behind TLS",
        _network(parentProxy={"http": "https://192.0.2.1:3128"}),
        ("/network/parentProxy/http",),
    ),
    Document("docker", _top(docker={"image": "debian:12"}), ("/docker",)),
]


def _explained(place, document: Document):
    file = place.notes / "settings.json"
    content = document.content
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place.srt("explain", "-s", file)


def _register(documents: list[Document], kind: str, judge) -> None:
    for document in documents:

        def body(place, document=document):
            judge(place, document)

        slug = "".join(c if c.isalnum() else "_" for c in document.name)
        # What is read does not depend on who reads.
        suite.case(name=f"document_{kind}_{slug}", rootful=False)(body)


def _is_taken(place, document: Document) -> None:
    outcome = _explained(place, document)
    place.check(outcome.ok, outcome)


def _is_refused(place, document: Document) -> None:
    outcome = _explained(place, document)
    place.equal(outcome.status, 125, str(outcome))
    place.equal(outcome.out, "", "what is printed besides the error")
    place.check("settings.json" in outcome.err, f"the file is not named: {outcome.err!r}")
    for text in document.says:
        place.check(text in outcome.err, f"{text!r} is not in {outcome.err!r}")


def _is_not_yet_there(place, document: Document) -> None:
    _is_refused(place, document)
    outcome = _explained(place, document)
    place.check("not supported yet" in outcome.err, outcome)


_register(ACCEPTED, "taken", _is_taken)
_register(REFUSED, "refused", _is_refused)
_register(NOT_YET, "not_yet", _is_not_yet_there)
