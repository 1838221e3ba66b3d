"""The matrix of clients: installs each as its registry has it, runs its calls against the servers of each case, and writes the page.

`cargo xtask clients` calls it: `matrix.py ROOT [NAME …]`. Names run those clients alone and write no page.

What is looked at is what a program sees that uses the client: the answer's text, an error that says why, another error, or nothing at
all. The last is what must not be.
"""

import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(sys.argv[1])
HERE = ROOT / "tests/clients"
CACHE = ROOT / "target/clients"
EXPECTED = "Patience Patience Patience Patience"

# The versions that this was seen with; newer ones are tried by changing these.
PYPI = {
    "ollama": ["ollama==0.6.3"],
    "openai": ["openai==3.57.0"],
    "langchain-ollama": ["langchain-ollama==1.1.0"],
    "langchain-openai": ["langchain-openai==1.7.4"],
    "litellm": ["litellm==1.108.7"],
    "dspy": ["dspy==3.4.1"],
    "instructor": ["instructor==1.17.0"],
    "pydantic-ai": ["pydantic-ai-slim[openai]==2.68.0"],
    "openai-agents": ["openai-agents==0.24.0"],
    "smolagents": ["smolagents[openai]==1.26.0"],
    "agno": ["agno==3.1.10", "ollama==0.6.3", "openai==3.57.0"],
    "ollama-haystack": ["ollama-haystack==7.0.2"],
    "llama-index-llms-ollama": ["llama-index-llms-ollama==0.11.0"],
}
NPM = {
    "ollama": ["ollama@0.6.4"],
    "openai": ["openai@6.49.0"],
    "@langchain/ollama": ["@langchain/ollama@1.3.0", "@langchain/core@1"],
    "@langchain/openai": ["@langchain/openai@1.5.8", "@langchain/core@1"],
    "@llamaindex/ollama": ["@llamaindex/ollama@0.1.23", "llamaindex"],
    "ai-sdk-ollama": ["ai-sdk-ollama@4.3.0", "ai@7"],
    "ollama-ai-provider-v2": ["ollama-ai-provider-v2@3.6.0", "ai@6"],
    "@ai-sdk/openai-compatible": ["@ai-sdk/openai-compatible@2.0.92", "ai@6"],
    "genkitx-ollama": ["genkitx-ollama@1.42.0", "genkit@1.42.0"],
}
# Their versions stand in crates/Cargo.toml, too; each is a few calls of crates/src/main.rs.
CRATES = {"ollama-rs": "ollama-rs 0.3.6", "genai": "genai 0.7.2"}

# The cases, and the sentence of Sluice's that an error has to tell.
CASES = {
    "empty line": None,
    "full line": None,
    "refused after 5 s": "waited too long",
    "refused after 30 s": "waited too long",
    "queue full": "the line is full",
}


def install_pypi(name):
    folder = CACHE / "pypi" / name
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run(["python3", "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + PYPI[name], check=True)
    version = re.sub(r"\[.*\]", "", PYPI[name][0]).replace("==", " ")
    return [python, HERE / "pypi.py", name], HERE, version


def install_npm(name):
    folder = CACHE / "npm" / name.replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder]
    subprocess.run(npm + NPM[name], check=True, stdout=subprocess.DEVNULL)
    package, version = NPM[name][0].rsplit("@", 1)
    return ["node", HERE / "npm.mjs", name], folder, f"{package} {version}"


def install_crates(name):
    folder = CACHE / "crates"
    shutil.copytree(HERE / "crates", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("Cargo.lock", "target"))
    # Cargo has a lock of its own: the second waits, and finds it built.
    cargo = ["cargo", "build", "--quiet", "--release", "--target-dir", folder / "target"]
    subprocess.run(cargo, cwd=folder, check=True)
    return [folder / "target/release/clients", name], folder, CRATES[name]


class Servers:
    """A simulator, and a host for each case before it. They end with this program."""

    def __init__(self):
        self.running = []
        self.log = (CACHE / "servers.log").open("w")
        script = "text=Patience tokens=4 pace=50ms"
        sim = self.start([ROOT / "target/release/ollama-sim", "--listen", "127.0.0.1:0", "--script", script])
        few = {"max_concurrent": "2", "rate_limit_address": "0", "request_timeout": "1h"}
        settings = {
            "empty line": few | {"max_concurrent": "64"},
            "full line": few,
            # The head of a document is held for 5 s. What is told a moment before still has its status.
            "refused after 5 s": few | {"queue_timeout": "4900ms"},
            "refused after 30 s": few | {"queue_timeout": "30s"},
            "queue full": few | {"max_queue": "0"},
        }
        self.urls = {}
        for number, (case, variables) in enumerate(settings.items()):
            state = CACHE / f"state-{number}"
            subprocess.run(["rm", "-rf", state], check=True)
            host = [ROOT / "target/release/sluice-host", "up", "-f", "spin.toml", "--runtime-config-file", "runtime-config.toml"]
            host += ["--listen", "127.0.0.1:0", "--state-dir", state, "--seed", "gate/new=1"]
            for name, value in (variables | {"ollama_host": sim}).items():
                host += ["--variable", f"{name}={value}"]
            self.urls[case] = self.start(host)
        # Two slots: four who ask in turn keep a line, two who never end hold it.
        for _ in range(4):
            threading.Thread(target=self.hold, args=("full line", "text=lorem tokens=25 pace=100ms"), daemon=True).start()
        for case in ["refused after 5 s", "refused after 30 s", "queue full"]:
            for _ in range(2):
                threading.Thread(target=self.hold, args=(case, "text=lorem tokens=1000000 pace=100ms"), daemon=True).start()
        time.sleep(5)
        for case in list(CASES)[1:]:
            with urllib.request.urlopen(f"{self.urls[case]}/api/queue-status") as status:
                assert json.load(status)["activeRequests"] == 2, f"{case}: the slots are not held"

    def start(self, command):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.running.append(process)
        for line in process.stdout:
            if match := re.match(r"(?:Serving|Listening on) (http://\S+)", line):
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return match.group(1)
        raise SystemExit(f"{command[0]} ended without serving")

    def hold(self, case, script):
        body = json.dumps({"prompt": f"on and on [[sim {script}]]"}).encode()
        while True:
            try:
                with urllib.request.urlopen(f"{self.urls[case]}/api/chat", body) as answer:
                    for _ in answer:
                        pass
            except OSError:
                time.sleep(0.1)

    def end(self):
        for process in self.running:
            process.kill()


def run(registry, name, install, servers):
    command, folder, version = install(name)
    environment = os.environ | {"SERVERS": json.dumps(servers.urls), "PYTHONPATH": str(HERE)}
    try:
        process = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300
        )
        written, trouble = process.stdout, process.stderr
    except subprocess.TimeoutExpired as late:
        written, trouble = (late.stdout or b"").decode(), "not within 300 s"
    outcomes = {}
    for line in written.splitlines():
        if line.startswith("{"):
            # A client may write behind it, on the same line.
            said, _ = json.JSONDecoder().raw_decode(line)
            outcomes.setdefault(said["call"], {})[said["case"]] = said
    if not outcomes:
        outcomes = {"(none)": {}}
        print(f"{registry} {name}: {trouble[-2000:]}", file=sys.stderr)
    print(f"{registry} {version}: {sum(len(cases) for cases in outcomes.values())} answers", flush=True)
    return registry, version, outcomes


def verdict(case, said):
    """A word, and whether it is as it should be."""
    if said is None:
        return "no word", False
    sentence = CASES[case]
    if "error" in said:
        if sentence is None:
            return f"error: {short(said['error'])}", False
        if sentence not in said["error"]:
            return f"error: {short(said['error'])}", True
        return ("its sentence, in raw JSON" if has_raw(said["error"]) else "its sentence"), True
    text = re.sub(r"\s+", " ", said.get("text") or "").strip()
    if sentence is None:
        return ("ok", True) if text == EXPECTED else (f"other text: {short(text)}", False)
    return f"**silent**: {short(repr(said.get('text')))}", False


def has_raw(error):
    return '"about:blank"' in error


def short(text):
    text = " ".join(str(text).split()).replace("|", "/").replace("`", "'")
    return text if len(text) <= 90 else text[:87] + "…"


def page(rows):
    lines = [
        "# Real clients before a line",
        "",
        f"Made by `cargo xtask clients` on {datetime.date.today():%-d %B %Y}; not by hand. Every client as its registry has it, every call of it",
        "against five hosts at once: with nobody before it, behind a line that moves, behind one that does not (`queue_timeout` 5 s, whose",
        "end a document's status can still tell, and 30 s, when it cannot), and with `max_queue=0`. What is told is what a program sees that",
        "uses the client: *its sentence* is an error that has Sluice's own words, in raw JSON or not, *error* one that has others, **silent** an empty answer",
        "or one that looks like a success.",
        "",
        "| client | call | " + " | ".join(CASES) + " |",
        "|---|---|" + "---|" * len(CASES),
    ]
    silent = count = fine = 0
    for registry, version, outcomes in sorted(rows, key=lambda row: (row[0], row[1])):
        for call, cases in sorted(outcomes.items()):
            cells = [verdict(case, cases.get(case)) for case in CASES]
            lines.append(f"| {version} ({registry}) | {call} | " + " | ".join(word for word, _ in cells) + " |")
            silent += sum(word.startswith("**silent") for word, _ in cells)
            fine += sum(is_fine for _, is_fine in cells)
            count += len(cells)
    lines += ["", f"{len(rows)} clients, {count} calls, {fine} as they should be, {silent} silent.", "", LEFT]
    return "\n".join(lines)


LEFT = """\
What is left: once a document's head is out, 5 s after it was asked for, nothing but the document can tell an error, and the clients
that are named silent take it for an answer. Streams have no such row: where a client reads no error line it sees the answer broken
off. genkitx-ollama takes each piece that the network delivers for one line and fails by chance where two come together, before
Ollama as well. ollama-ai-provider-v2 tells statuses in words of its own, and ollama-rs and genai's Ollama streams what an error inside
a stream says.
"""


def main():
    named = sys.argv[2:]
    jobs = [("PyPI", name, install_pypi) for name in PYPI]
    jobs += [("npm", name, install_npm) for name in NPM]
    jobs += [("crates.io", name, install_crates) for name in CRATES]
    jobs = [job for job in jobs if not named or job[1] in named]
    CACHE.mkdir(parents=True, exist_ok=True)
    servers = Servers()
    try:
        # A few at a time: each is a process that loads a lot of code.
        with ThreadPoolExecutor(3) as pool:
            rows = list(pool.map(lambda job: run(*job, servers), jobs))
    finally:
        servers.end()
    text = page(rows)
    if named:
        print(text)
    else:
        (ROOT / "docs/clients.md").write_text(text)
        print(next(line for line in text.splitlines() if line.endswith(" silent.")))


main()
