"""network.tlsTerminate: which servers are good, and whom the programs inside trust."""

import re

from containers.certificates import Authority
from https import TRUST, curl, https, report, use
from suite import suite
from workplace import network

# Which server it is


def _is_refused(place, server, reason: str, **tls) -> None:
    use(place, server, **tls)
    outcome, violations = report(place, curl(server, "/secret", "-k", "-i", "-d token"))
    place.check(" 502 " in outcome.out.splitlines()[0], outcome)
    place.check("localhost" in outcome.out and reason in outcome.out, outcome)
    place.equal(server.requests, [], "what the server got")
    reasons = [event["reason"] for event in violations]
    place.check(any("untrusted-certificate" in told and reason in told for told in reasons), violations)


@suite.case()
def a_server_of_another_name_is_refused(place):
    with https(place, "DNS:other.test") as server:
        _is_refused(place, server, "mismatch")


@suite.case()
def a_server_whose_certificate_has_expired_is_refused(place):
    with https(place, days=-1) as server:
        _is_refused(place, server, "expired")


@suite.case()
def a_server_that_nobody_vouches_for_is_refused(place):
    with https(place) as server:
        _is_refused(place, server, "issuer", roots=[])


@suite.case()
def a_server_that_vouches_for_itself_is_refused(place):
    with https(place) as server:
        server.context.load_cert_chain(server.authority.certificate, server.authority.key)
        _is_refused(place, server, "self", roots=[])


@suite.case()
def what_the_callers_programs_trust_is_trusted(place):
    with https(place) as server:
        use(place, server, roots=[])
        for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
            outcome = place.sh(curl(server), env={name: server.roots[0]})
            place.equal(outcome.out, "you asked for /x", f"{name}: {outcome}")


@suite.case()
def a_server_without_tls_is_a_502(place):
    with https(place) as server:
        use(place, server)
        server._serve = lambda raw: (raw.recv(100), raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), raw.close())
        outcome = place.sh(curl(server, "/x", "-i"))
        place.check(" 502 " in outcome.out.splitlines()[0], outcome)


# The authority


@suite.case()
def an_authority_of_the_settings_signs_and_its_key_is_hidden(place):
    with https(place) as server:
        its = Authority(place.project / "its", "of the settings")
        for files in ({"write": [str(place.project)]}, {"disabled": True}):
            use(place, server, caCertPath=str(its.certificate), caKeyPath="its/ca.key", files=files)
            shown = place.says(curl(server, "/x", "-v", "-o", "/dev/null", "2>&1"))
            place.check("issuer: CN=of the settings" in shown, shown)
            for attempt in ("cat its/ca.key", "cat /proc/self/root$PWD/its/ca.key", "grep -r 'BEGIN PRIVATE' its"):
                outcome = place.sh(attempt)
                place.check("PRIVATE" not in outcome.out, f"{attempt}: {outcome}")


@suite.case()
def an_authority_that_is_none_is_an_error(place):
    with https(place) as server:
        its, other = Authority(place.notes / "its"), Authority(place.notes / "other")
        for certificate, key, word in (
            (its.certificate, other.key, "not the key"),
            (its.certificate, place.notes / "none", "caKeyPath"),
            (its.key, its.key, "caCertPath"),
        ):
            use(place, server, caCertPath=str(certificate), caKeyPath=str(key))
            outcome = place.sh("echo ran")
            place.equal((outcome.status, outcome.out), (125, ""), str(outcome))
            place.check("tlsTerminate" in outcome.err and word in outcome.err, outcome)


@suite.case()
def the_bundle_has_certificates_alone_and_stays_as_it_is(place):
    with https(place) as server:
        mixed = place.notes / "mixed.pem"
        mixed.write_text("a remark\n" + server.authority.key.read_text() + server.authority.certificate.read_text())
        use(place, server, roots=[str(mixed), str(place.notes / "not there")], files={"write": ["/"]})
        text = place.says(f"cat {TRUST}")
        places = set(re.findall("-----BEGIN ([A-Z ]+)-----", text))
        place.equal(places, {"CERTIFICATE"}, "what is in it")
        place.check("remark" not in text, "a remark")
        place.equal(place.says(curl(server)), "you asked for /x", "with it")
        for attack in (f"echo x >{TRUST}", f"rm -f {TRUST}", f"mv {TRUST} /dev/shm/y", f"chmod 666 {TRUST}", f"ln -f /etc/passwd {TRUST}"):  # fmt: skip
            place.check(not place.sh(attack).ok, attack)


@suite.case()
def every_variable_names_the_bundle(place):
    with https(place) as server:
        use(place, server)
        names = "SSL_CERT_FILE NODE_EXTRA_CA_CERTS CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO AWS_CA_BUNDLE CARGO_HTTP_CAINFO DENO_CERT".split()  # fmt: skip
        script = "; ".join(f'echo "${name}"' for name in names)
        theirs = {name: "/of/the/caller" for name in names}
        place.equal(place.says(script, env=theirs).split(), [TRUST] * len(names), "values")
        place.settings({"network": network(server.here)})
        place.check(TRUST not in place.says("env; ls /dev/shm"), "without tlsTerminate")
