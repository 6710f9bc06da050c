# SPDX-License-Identifier: BSD-2-Clause
"""The proxies that are compared: how each is configured, started and asked for its version.

A new one is a row in CONTENDERS. A configuration is a template. Settings that differ between
workloads are sets by the name of their purpose, "bulk" for what moves many bytes, "memory" for what is
measured by that; each contender gets there what is best for it, and "" where nothing is named.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from processes import Failed, Process, free_port, is_listening, wait_for

CONNECTIONS = 9000  # that each has to take
BACKLOG = 4096
TICKET_LIFE_S = 7200
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
SUITES = "TLS_AES_128_GCM_SHA256"

SALLYPORT = """
workers = 1
{user}
{top}
log {{ level = notice }}
frontend main {{
    listen = "127.0.0.1:{port}"
    cert = "{pem}"
    backend = "127.0.0.1:{backend}"
    backlog = {backlog}
    ciphers = "{ciphers}"
    ciphersuites = "{suites}"
    groups = "X25519:P-256"
    {extra}
}}
"""

# A backend of two servers, which are one: a name of the hosts file is another server than an address.
SALLYPORT_TWO = SALLYPORT.replace('backend = "127.0.0.1:{backend}"', "backend = two") + """
backend two {{
    server = {{ "127.0.0.1:{backend}", "localhost:{backend}" }}
}}
"""

HITCH = """
frontend = {{
    host = "127.0.0.1"
    port = "{port}"
}}
backend = "[127.0.0.1]:{backend}"
pem-file = "{pem}"
workers = 1
{user}
backlog = {backlog}
daemon = off
log-level = 1
tls-protos = TLSv1.2 TLSv1.3
ciphers = "{ciphers}"
ciphersuites = "{suites}"
ecdh-curve = "X25519:prime256v1"
{extra}
"""

HAPROXY = """
global
    nbthread 1
    maxconn {connections}
    {user}
    ssl-default-bind-ciphers {ciphers}
    ssl-default-bind-ciphersuites {suites}
    ssl-default-bind-curves X25519:P-256
    ssl-default-bind-options ssl-min-ver TLSv1.2
    tune.ssl.lifetime {ticket_life}
    tune.ssl.cachesize 0
    {extra}
defaults
    mode tcp
    maxconn {connections}
    backlog {backlog}
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen main
    bind 127.0.0.1:{port} ssl crt {pem} defer-accept
    server backend 127.0.0.1:{backend}
"""

NGINX = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {dir}/nginx.pid;
error_log stderr crit;
load_module {modules}/ngx_stream_module.so;
events {{
    worker_connections 19000;
    multi_accept on;
}}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl backlog={backlog}{deferred};
        ssl_certificate {pem};
        ssl_certificate_key {pem};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers {ciphers};
        ssl_conf_command Ciphersuites {suites};
        ssl_conf_command NumTickets 1;
        ssl_ecdh_curve X25519:prime256v1;
        ssl_prefer_server_ciphers on;
        ssl_session_cache off;
        ssl_session_tickets on;
        ssl_session_timeout {ticket_life}s;
        proxy_pass 127.0.0.1:{backend};
        proxy_timeout 1h;
        {extra}
    }}
}}
"""

STUNNEL = """
foreground = yes
pid =
debug = err
{user}
[main]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{backend}
cert = {pem}
ciphers = {ciphers}
ciphersuites = {suites}
curves = X25519:P-256
sslVersionMin = TLSv1.2
renegotiation = no
sessionCacheSize = 1
sessionCacheTimeout = {ticket_life}
TIMEOUTidle = 3600
TIMEOUTclose = 0
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
{extra}
"""


@dataclass
class Contender:
    """How to run one."""

    name: str
    program: str
    template: str
    arguments: list            # {conf} stands for the file
    version: list              # arguments that make it say its version
    user: str = ""             # what makes it drop from root
    settings: dict = field(default_factory=dict)
    is_ours: bool = False


CONTENDERS = [
    Contender("sallyport", "sallyport", SALLYPORT, ["-c", "{conf}"], ["--version"],
              user="user = nobody", is_ours=True),
    Contender("sallyport-two", "sallyport", SALLYPORT_TWO, ["-c", "{conf}"], ["--version"],
              user="user = nobody", is_ours=True),
    Contender("nginx", "nginx", NGINX, ["-c", "{conf}", "-p", "{dir}"], ["-v"],
              user="user nobody nogroup;", settings={
                  "bulk": "proxy_buffer_size 128k;", "memory": "proxy_buffer_size 4k;"}),
    Contender("haproxy", "haproxy", HAPROXY, ["-db", "-f", "{conf}"], ["-v"],
              user="user nobody\n    group nogroup", settings={
                  "bulk": "tune.bufsize 131072"}),
    Contender("hitch", "hitch", HITCH, ["--config={conf}"], ["--version"],
              user='user = "nobody"\ngroup = "nogroup"'),
    Contender("stunnel", "stunnel", STUNNEL, ["{conf}"], ["-version"],
              user="setuid = nobody\nsetgid = nogroup"),
]


def by_name(name):
    for contender in CONTENDERS:
        if contender.name == name:
            return contender
    raise Failed(f"there is no contender {name}; there are: "
                 + ", ".join(c.name for c in CONTENDERS))


def program_of(contender):
    """Its path, or None where it is not installed."""
    if contender.is_ours:
        return os.path.realpath(os.environ.get("SALLYPORT", "src/sallyport"))
    return shutil.which(contender.program, path=os.environ.get("PATH", "") + ":/usr/sbin")


def version_of(contender):
    answer = subprocess.run([program_of(contender), *contender.version], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    found = re.search(r"\d+\.\d+[\w.+-]*", answer)
    return found.group(0) if found else "?"


def nginx_modules():
    for path in ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"):
        if os.path.isdir(path):
            return path
    return "modules"


def nginx_deferred():
    """TCP_DEFER_ACCEPT, which its streams know since 1.25.5."""
    version = version_of(by_name("nginx")) if program_of(by_name("nginx")) else "0"
    return " deferred" if tuple(map(int, version.split(".")[:3])) >= (1, 25, 5) else ""


def is_usable(contender):
    """None, or why it cannot take part."""
    program = program_of(contender)
    if program is None or not os.access(program, os.X_OK):
        return f"{contender.name} is not installed"
    if contender.name == "nginx" and \
            not os.path.exists(f"{nginx_modules()}/ngx_stream_module.so"):
        return "nginx has no stream module (libnginx-mod-stream)"
    return None


def write_conf(contender, directory, port, backend, pem, purpose="", top="",
               drop=os.geteuid() == 0):
    """top: settings of sallyport that stand outside of a frontend; drop: it has to drop from
    root."""
    conf = Path(directory) / f"{contender.name}.conf"
    conf.write_text(contender.template.format(
        port=port, backend=backend, pem=pem, dir=directory, modules=nginx_modules(),
        deferred=nginx_deferred() if contender.name == "nginx" else "",
        backlog=BACKLOG, connections=CONNECTIONS, ciphers=CIPHERS, suites=SUITES,
        ticket_life=TICKET_LIFE_S, user=contender.user if drop else "",
        top=top, extra=contender.settings.get(purpose, contender.settings.get("", ""))),
        encoding="utf-8")
    return conf


class Running:
    """A contender at work, until it is stopped."""

    def __init__(self, contender, directory, backend, pem, core=0, wrap=(), program=None,
                 env=None, **settings):
        """wrap: words before the command; program: another one than the contender's own; env: more
        variables; settings: see write_conf."""
        self.contender = contender
        self.port = free_port()
        conf = write_conf(contender, directory, self.port, backend, pem, **settings)
        log = Path(directory) / f"{contender.name}.log"
        log.unlink(missing_ok=True)
        arguments = [word.format(conf=conf, dir=directory) for word in contender.arguments]
        self.process = Process(contender.name,
                               [*wrap, program or program_of(contender), *arguments],
                               log, core=core,
                               env={**os.environ, **(env or {})})
        wait_for(f"{contender.name} to listen",
                 lambda: self.process.check() and is_listening(self.port), patience_s=60)

    def stop(self, patience_s=10):
        self.process.stop(patience_s)
