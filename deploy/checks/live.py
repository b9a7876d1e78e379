"""What an operator sees, from a real copydesk under traffic: live.py COPYDESK BOOTSTRAP

A real Prometheus scrapes it by the real rules, sixty times as fast; an Alertmanager tells of the alerts. Then:
the metrics are well-formed, every panel of the dashboard shows something, the commands of the runbook work, and when the
input stops the alert comes, and goes when it is back.
"""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
UNITS = {"m": (1, "s"), "h": (1, "m"), "d": (24, "m")}


def sixty_times_as_fast(rules):
    """The rules with every duration divided by 60."""

    def faster(found):
        factor, unit = UNITS[found[2]]
        return f"{int(found[1]) * factor}{unit}"

    return re.sub(r"(?<=[\[: ])(\d+)([mhd])\b", faster, rules)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def eventually(what, seconds, check):
    """Waits until `check` answers something, and answers it."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if found := check():
                return found
        except (OSError, AssertionError) as error:
            last = error
        time.sleep(0.25)
    raise SystemExit(f"not within {seconds} s: {what}" + (f" ({last})" if last else ""))


class Processes:
    """Child processes that end with the check, each with a log of its own."""

    def __init__(self, home):
        self.home, self.running = home, []

    def start(self, name, command, **options):
        log = open(self.home / f"{name}.log", "w")
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)
        self.running.append((name, process))
        return process

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for _, process in reversed(self.running):
            process.terminate()
        for _, process in reversed(self.running):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        if kind:
            for name, _ in self.running:
                lines = (self.home / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
                print(f"--- {name}", *lines, sep="\n", file=sys.stderr)


class Receiver:
    """Takes what Alertmanager sends."""

    def __init__(self):
        self.alerts = []
        received = self.alerts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                received.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/"

    def has(self, name, status):
        return next((a for a in self.alerts if a["labels"]["alertname"] == name and a["status"] == status), None)


class Feed:
    """The feeder of the compose file, twenty stories a second."""

    def __init__(self, processes, bootstrap, topic):
        self.processes, self.command = processes, [DEPLOY / "feed.sh", bootstrap, topic, "0.05"]
        self.start()

    def start(self):
        self.process = self.processes.start("feed", self.command, start_new_session=True)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)


def series(prometheus, query):
    """What an instant query answers, without series that are not a number."""
    answer = json.loads(get(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query})))
    assert answer["status"] == "success", answer
    return [found for found in answer["data"]["result"] if found["value"][1] != "NaN"]


def panels():
    dashboard = json.loads((DEPLOY / "grafana/copydesk.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def as_grafana_asks(query):
    return query.replace("$__rate_interval", "10s").replace("$__interval", "10s").replace("$job", ".+")


def metrics_are_documented():
    """Every metric of dashboard and rules stands in docs/metrics.md, or is recorded by the rules."""
    documented = set(re.findall(r"^\| `(copydesk_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
    rules = (DEPLOY / "prometheus/rules.yaml").read_text()
    recorded = set(re.findall(r"record: (\S+)", rules))
    used = set()
    for text in [rules, *(query for _, query in panels())]:
        used |= {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bcopydesk_\w+", text)}
        unknown = set(re.findall(r"copydesk:[\w:]+", text)) - recorded
        assert not unknown, f"recorded by no rule: {unknown}"
    assert used <= documented, f"not in docs/metrics.md: {sorted(used - documented)}"
    print(f"{len(used)} metrics are used, and documented")


def runbook_commands():
    """The commands of the runbook that need neither a cluster nor a decision."""
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/runbook.md").read_text(), re.M | re.S):
        for line in block.splitlines():
            if line.startswith(("copydesk ", "curl ")):
                yield line.split(" #")[0].strip()


def main(copydesk, bootstrap):
    metrics_are_documented()
    receiver = Receiver()
    with tempfile.TemporaryDirectory(prefix="copydesk-live-") as home, Processes(Path(home)) as processes:
        home = Path(home)
        admin, prometheus_port, alertmanager_port, cluster = (free_port() for _ in range(4))
        prefix = f"live{os.getpid()}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COPYDESK_")}
        environment |= {
            "COPYDESK_KAFKA_BROKERS": bootstrap,
            "COPYDESK_KAFKA_GROUP": prefix,
            "COPYDESK_ADMIN_LISTEN": f"127.0.0.1:{admin}",
            "PATH": f"{copydesk.parent}:{environment['PATH']}",
        }
        for topic in ["raw", "normalized", "seen", "articles", "duplicates", "rejected"]:
            environment[f"COPYDESK_TOPICS_{topic.upper()}"] = f"{prefix}.{topic}"
        create = [copydesk, "topics", "--create", "--partitions", "4", "--replication", "1"]
        subprocess.run(create, env=environment, check=True, stdout=subprocess.DEVNULL)

        rules = home / "rules.yaml"
        rules.write_text(sixty_times_as_fast((DEPLOY / "prometheus/rules.yaml").read_text()))
        (home / "alertmanager.yaml").write_text(json.dumps({
            "route": {"receiver": "check", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"},
            "receivers": [{"name": "check", "webhook_configs": [{"url": receiver.url()}]}],
        }))
        (home / "prometheus.yaml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]},
            "scrape_configs": [
                {"job_name": "copydesk", "static_configs": [{"targets": [f"127.0.0.1:{admin}"]}]}
            ],
        }))
        subprocess.run(["promtool", "check", "config", home / "prometheus.yaml"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["amtool", "check-config", home / "alertmanager.yaml"], check=True, stdout=subprocess.DEVNULL)
        processes.start("alertmanager", [
            "prometheus-alertmanager", f"--config.file={home}/alertmanager.yaml", f"--storage.path={home}/alertmanager",
            f"--web.listen-address=127.0.0.1:{alertmanager_port}", f"--cluster.listen-address=127.0.0.1:{cluster}",
        ])
        processes.start("prometheus", [
            "prometheus", f"--config.file={home}/prometheus.yaml", f"--storage.tsdb.path={home}/tsdb",
            f"--web.listen-address=127.0.0.1:{prometheus_port}",
        ])
        prometheus = f"http://127.0.0.1:{prometheus_port}"
        eventually("Prometheus answers", 30, lambda: get(f"{prometheus}/-/ready"))
        processes.start("copydesk", [copydesk, "run"], env=environment)
        eventually("copydesk is ready", 60, lambda: get(f"http://127.0.0.1:{admin}/readyz"))
        feed = Feed(processes, bootstrap, f"{prefix}.raw")

        eventually("the target is up", 20, lambda: series(prometheus, 'up{job="copydesk"} == 1'))
        page = get(f"http://127.0.0.1:{admin}/metrics")
        subprocess.run(["promtool", "check", "metrics"], input=page.encode(), check=True)
        print("the target is up, and its metrics are well-formed")

        shown = list(panels())
        for title, query in shown:
            asked = as_grafana_asks(query)
            eventually(f"{title!r} shows something: {asked}", 40, lambda asked=asked: series(prometheus, asked))
        print(f"{len(shown)} queries of the dashboard show something")

        commands = list(runbook_commands())
        assert len(commands) > 5, commands
        for command in commands:
            asked = command.replace("localhost:9102", f"127.0.0.1:{admin}")
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", asked], cwd=home, env=environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, f"the runbook says `{command}`, which fails:\n{done.stdout}{done.stderr}"
        print(f"{len(commands)} commands of the runbook work")

        def nothing_fires():
            firing = {found["metric"]["alertname"] for found in series(prometheus, 'ALERTS{alertstate="firing"}')}
            assert not firing, f"{firing} fires"
            return True

        # The items of the demo, with which the feed begins, are unreadable more often than a wire.
        eventually("nothing fires under healthy traffic", 60, nothing_fires)
        feed.stop()
        alert = eventually("the stopped input is told", 90, lambda: receiver.has("CopydeskInputStopped", "firing"))
        assert alert["annotations"]["runbook_url"] and alert["labels"]["job"] == "copydesk", alert
        print(f"input stopped: Alertmanager tells it: {alert['annotations']['summary']}")
        feed.start()
        eventually("the alert goes", 90, lambda: receiver.has("CopydeskInputStopped", "resolved"))
        print("input back: Alertmanager tells that too")
        feed.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
