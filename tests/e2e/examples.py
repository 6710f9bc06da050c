#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the files for containers say, held against the conf file that is in force there.

  conf DEPLOYMENT             prints the conf file of its ConfigMap
  environment COMPOSE         prints the environment of its service tls, for a shell
  kubernetes DUMP FILE...     the manifests; DUMP is what `sallyport -T` prints of their conf file
  image DUMP DOCKERFILE       the image's own conf file
  compose DUMP FILE           compose.yaml
"""
import re
import shlex
import sys

import yaml

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
DOCKER_STOP = 10  # seconds from SIGTERM to SIGKILL, unless told otherwise


def check(condition, sentence):
    if not condition:
        sys.exit(sentence)


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)?", str(duration)).groups()
    return int(number) * UNITS[unit or "s"]


class Dump:
    """The output of `sallyport -T`."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()

    def setting(self, name):
        found = re.search(rf"^ *{name} = (.*)$", self.text, re.M)
        check(found, f"{name} is not in the dump")
        return found[1]

    def port(self, block):
        found = re.search(rf"^{block}\b.*?listen = .*?:(\d+)", self.text, re.M | re.S)
        check(found, f"{block} listens nowhere")
        return int(found[1])

    def stop(self):
        """How long a stop may take."""
        return seconds(self.setting("accept-grace")) + seconds(
            self.setting("drain-timeout")
        )


def documents(paths):
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                kind = document["kind"]
                check(kind not in found, f"a second {kind}")
                found[kind] = document
    return found


def check_security(pod, container):
    check(pod["securityContext"]["runAsNonRoot"] is True, "runAsNonRoot")
    check(
        pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
        "seccompProfile",
    )
    context = container["securityContext"]
    check(context["allowPrivilegeEscalation"] is False, "allowPrivilegeEscalation")
    check(context["capabilities"] == {"drop": ["ALL"]}, "capabilities")
    check(context["readOnlyRootFilesystem"] is True, "readOnlyRootFilesystem")


def check_probes(container):
    for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        check(container[probe]["httpGet"] == {"path": path, "port": "admin"}, probe)
    # Not ready for accept-grace only: it has to be noticed within it.
    probe = container["readinessProbe"]
    return probe["periodSeconds"] * probe["failureThreshold"]


def check_volumes(pod, container, conf, secret):
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    volumes = {v["name"]: v for v in pod["volumes"]}
    check(mounts.keys() == volumes.keys(), "volumes and mounts differ")
    check(mounts["conf"] == "/etc/sallyport", "where the conf file is")
    check(volumes["conf"]["configMap"]["name"] == conf["metadata"]["name"], "ConfigMap")
    check(list(conf["data"]) == ["sallyport.conf"], "the conf file's name")
    check(mounts["certs"] == "/certs", "where the certificate is")
    check(volumes["certs"]["secret"]["secretName"] == secret, "Secret")
    mode = volumes["certs"]["secret"]["defaultMode"]
    check(mode == 0o440 and pod["securityContext"]["fsGroup"], "who may read the key")


def kubernetes(dump, *paths):
    dump = Dump(dump)
    found = documents(paths)
    deployment, service = found["Deployment"]["spec"], found["Service"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    grace = pod["terminationGracePeriodSeconds"]
    annotations = deployment["template"]["metadata"]["annotations"]

    check(ports == {"tls": dump.port("frontend"), "admin": dump.port("admin")}, "ports")
    check(annotations["prometheus.io/port"] == str(ports["admin"]), "prometheus.io/port")
    check(grace > dump.stop(), f"{grace} s of grace, and {dump.stop()} s to stop")
    noticed = check_probes(container)
    check(noticed < seconds(dump.setting("accept-grace")), "readyz is asked too seldom")
    check_security(pod, container)
    check_volumes(pod, container, found["ConfigMap"], "sallyport-tls")
    check(deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, "maxUnavailable")
    check([p["targetPort"] for p in service["ports"]] == ["tls"], "ports of the service")
    for selector in (
        deployment["selector"]["matchLabels"],
        service["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ):
        check(selector.items() <= labels.items(), f"{selector} does not select the pods")
    print(f"{', '.join(found)}: {grace} s of grace for {dump.stop():g} s")


def image(dump, dockerfile):
    dump = Dump(dump)
    with open(dockerfile, encoding="utf-8") as file:
        text = file.read()
    ports = {int(port) for port in re.search(r"^EXPOSE (.*)$", text, re.M)[1].split()}

    check(ports == {dump.port("frontend"), dump.port("admin")}, "ports")
    check(dump.stop() < DOCKER_STOP, f"{dump.stop()} s to stop, {DOCKER_STOP} s given")
    check(re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.M), "USER has to be a number")
    check(re.search(r"^STOPSIGNAL SIGTERM$", text, re.M), "STOPSIGNAL")
    check(dump.setting("to").strip('"') == "stderr", "logs go to stderr")
    print(f"ports {sorted(ports)}, {dump.stop():g} s to stop")


def service_of(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)["services"]["tls"]


def compose(dump, path):
    dump = Dump(dump)
    service = service_of(path)
    ports = {int(port.rpartition(":")[2]) for port in service["ports"]}
    grace = seconds(service["stop_grace_period"])

    check(ports == {dump.port("frontend"), dump.port("admin")}, "ports")
    check(grace > dump.stop(), f"{grace} s of grace, and {dump.stop()} s to stop")
    check(service["read_only"] is True and service["cap_drop"] == ["ALL"], "hardening")
    check("no-new-privileges:true" in service["security_opt"], "no-new-privileges")
    check(any(v.endswith(":/certs:ro") for v in service["volumes"]), "/certs")
    print(f"{grace} s of grace for {dump.stop():g} s")


def conf(path):
    print(documents([path])["ConfigMap"]["data"]["sallyport.conf"], end="")


def environment(path):
    for name, value in service_of(path)["environment"].items():
        print(f"{name}={shlex.quote(value)}")


modes = {f.__name__: f for f in (kubernetes, image, compose, conf, environment)}
modes[sys.argv[1]](*sys.argv[2:])
