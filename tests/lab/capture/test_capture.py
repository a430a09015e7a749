from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
from support.needed import needed

from chatlab import Corpus
from chatlab.errors import classify
from chatlab.errors.failure import Failure
from chatlab.lab.capture import CaptureError, captured, recipes
from chatlab.lab.capture.__main__ import chosen_recipes, main
from chatlab.lab.capture.faults.fault import ClientFault, Label
from chatlab.lab.capture.faults.origin import HOST, Origin
from chatlab.lab.capture.faults.plans import Act, answer
from chatlab.lab.capture.programs import run_program
from chatlab.lab.capture.recipes import PROGRAMS, SERVERS
from chatlab.lab.capture.settle import settle

pytestmark = pytest.mark.slow

SHIPPED = Corpus.load()
CAPTURED = {
    name: sample
    for name, sample in SHIPPED.items()
    if sample.record["provenance"] == "captured"
    and str(sample.record["source"]).find("chatlab.lab.capture") >= 0
}


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("program", "fault", "tool", "package"),
    [
        ("httpx2", "reset-before-headers", "python3", "python3"),
        ("node-fetch-builtin", "closed-before-headers", "node", "nodejs"),
        ("java-http", "body-shorter-than-length", "javac", "default-jdk-headless"),
        ("curl", "chunked-body-cut", "curl", "curl"),
    ],
)
def test_recapture(
    program: str, fault: str, tool: str, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recipe of each language, run again, gets the verdict of its sample."""
    needed(tool, package)
    status = main([program, fault, "--check"])
    told = capsys.readouterr()
    assert told.err == ""
    assert status == 0
    assert told.out.startswith(f"clients/captured-{program}-{fault}: same")


def test_every_recipe_has_its_sample() -> None:
    """The samples that name a recipe are exactly those that the recipes make."""
    assert {recipe.id for recipe in recipes()} == set(CAPTURED)


def test_breadth() -> None:
    """There are at least 120 samples of 15 programs whose drivers are in 4 languages."""
    languages = {program.language for program in PROGRAMS.values()}
    assert len(CAPTURED) >= 120
    assert len(PROGRAMS) + len(SERVERS) >= 15
    assert len(languages) >= 4


def test_sources() -> None:
    """A captured sample names its program, the version, and a command that the recipes know."""
    known = {recipe.command: recipe.id for recipe in recipes()}
    for name, sample in CAPTURED.items():
        source = sample.record["source"]
        assert isinstance(source, dict)
        assert known[source["command"]] == name
        assert source["program"]
        assert re.match(r"\d", source["version"])


def test_labels_are_the_recipes() -> None:
    """What a sample expects is the label of its recipe, but for numbers that do not show."""
    for recipe in recipes():
        expected = CAPTURED[recipe.id].expected
        assert expected["kind"] == recipe.label.kind
        assert expected["retryable"] is recipe.label.retryable
        assert expected["status_code"] in (recipe.label.status_code, None)
        assert expected["retry_after_s"] in (recipe.label.retry_after_s, None)


def test_nothing_of_the_machine_is_stored() -> None:
    """No sample holds a path of this machine or a port that the system handed out."""
    here = str(Path.home()), str(Path(__file__).parents[3]), "/tmp/"
    for name, sample in CAPTURED.items():
        record = {key: sample.record.get(key) for key in ("body", "exception", "text", "headers")}
        told = json.dumps(record)
        assert not [path for path in here if path in told], name
        ports = re.findall(r"(?:127\.0\.0\.1|localhost|\.invalid):(\d+)", told)
        assert set(ports) <= {"8080", "8081", "8082", "54321"}, name


@pytest.mark.parametrize("fault", ["closed-before-headers", "tls-self-signed", "status-429"])
def test_record_and_exception_agree(fault: str) -> None:
    """The exception itself, while it is live, gets the kind that its record gets."""
    recipe = next(one for one in recipes() if (one.program, one.fault) == ("httpx2", fault))
    ((_, record),) = captured([recipe])
    assert isinstance(record, dict)
    program = PROGRAMS["httpx2"]
    live = run_program.observe(program, program.meets()[fault]).live
    verdict = classify(Failure.from_record(record))
    assert live == (str(verdict.kind), verdict.retryable)


def test_a_new_sample_is_added_once(
    corpus_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A capture that the corpus lacks is added; captured again, it is the same, unwritten."""
    command = ["http-client", "connection-refused", "--folder", str(corpus_folder)]
    assert main(command) == 0
    file = corpus_folder / "clients" / "captured-http-client-connection-refused.json"
    first = file.read_bytes()
    assert "added" in capsys.readouterr().out
    assert main(command) == 0
    assert "same" in capsys.readouterr().out
    assert file.read_bytes() == first


def test_a_check_writes_nothing(corpus_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A check against a corpus without the sample says how to add it, and writes no file."""
    folder = str(corpus_folder)
    assert main(["http-client", "connection-refused", "--check", "--folder", folder]) == 1
    assert "python -m chatlab.lab.capture http-client" in capsys.readouterr().err
    assert list(corpus_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "status", "line"),
    [
        ("[Errno 111] Connection refused, said with other words", 0, "worded otherwise: exception"),
        ("Incorrect API key provided", 1, "classified otherwise: kind: was auth, is timeout"),
    ],
)
def test_drift(
    corpus_folder: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    status: int,
    line: str,
) -> None:
    """New words are reported and pass; another verdict is reported and fails."""
    command = ["http-client", "connection-refused", "--folder", str(corpus_folder)]
    assert main(command) == 0
    file = corpus_folder / "clients" / "captured-http-client-connection-refused.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["exception"]["text"] = text
    if status:
        record["exception"]["type"] = "Exception"
    file.write_text(json.dumps(record), encoding="utf-8")
    capsys.readouterr()
    assert main([*command, "--check"]) == status
    told = capsys.readouterr()
    assert line in told.out + told.err


def test_a_version_is_drift(corpus_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sample of another version of the program is reported as such."""
    command = ["http-client", "connection-refused", "--folder", str(corpus_folder)]
    assert main(command) == 0
    file = corpus_folder / "clients" / "captured-http-client-connection-refused.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["source"]["version"] = "2.7"
    file.write_text(json.dumps(record), encoding="utf-8")
    assert main([*command, "--check"]) == 0
    assert "version: was 2.7, is " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["htpx2"], "PROGRAM: nothing is called 'htpx2'; did you mean 'httpx2'?"),
        (["curl", "dns-failur"], "FAULT: curl does not meet 'dns-failur'; did you mean"),
        (["curl", "--folder", "no-such-folder"], "no-such-folder: no such folder"),
    ],
)
def test_wrong_use(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that does not exist is one line with the nearest name, and status 2."""
    assert main(words) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1


def test_a_missing_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that is not installed is one line that says what to install."""
    monkeypatch.setenv("CHATLAB_CAPTURE_TOOLS", str(tmp_path))
    assert main(["node-axios", "connection-refused", "--check"]) == 1
    assert main(["litellm-proxy", "model-unknown", "--check"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"node-axios: not installed here; npm install --prefix {tmp_path} axios"
    assert second.startswith("litellm-proxy: ")
    assert f"{tmp_path}/litellm/bin/pip install 'litellm[proxy]'" in second


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """The list says for each recipe what happens and what kind it is; nothing is run."""
    assert main(["curl", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PROGRAMS["curl"].meets())
    assert "curl connection-refused: timeout, nobody listens on the port" in lines[0]


def test_chosen_recipes_without_words() -> None:
    """Without words every recipe is chosen."""
    assert chosen_recipes(recipes(), None, None) == recipes()


def test_a_fault_that_fails_nothing() -> None:
    """A fault that the program survives is an error, not a sample."""
    good = ClientFault("good", Label("generic", True, "nothing"), answer(200, "{}"))
    with pytest.raises(CaptureError, match="http-client: good made nothing fail"):
        run_program.observe(PROGRAMS["http-client"], good)


def test_slugs_are_unique() -> None:
    """Two recipes never name the same sample."""
    ids = [recipe.id for recipe in recipes()]
    assert len(ids) == len(set(ids))


def _asked(origin: Origin, timeout_s: float = 5.0) -> bytes:
    with socket.create_connection((HOST, origin.port), timeout_s) as connection:
        connection.settimeout(timeout_s)
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        seen = b""
        while data := connection.recv(1000):
            seen += data
        return seen


def test_origin_plays_its_plan() -> None:
    """An origin sends the bytes of its plan and ends the connection as the plan says."""
    with Origin((b"some", b"thing", Act.CLOSE)) as origin:
        assert _asked(origin) == b"something"
        origin.plan = (b"some", Act.RESET)
        with pytest.raises(ConnectionResetError):
            _asked(origin)
        origin.plan = (Act.STALL,)
        with pytest.raises(TimeoutError):
            _asked(origin, 0.3)


def test_origin_waits_for_the_whole_request() -> None:
    """A patient origin says nothing before the announced body is in."""
    with (
        Origin((b"done",)) as origin,
        socket.create_connection((HOST, origin.port), 5) as connection,
    ):
        connection.settimeout(0.3)
        connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nab")
        with pytest.raises(TimeoutError):
            connection.recv(10)
        connection.sendall(b"cd")
        assert connection.recv(10) == b"done"


def test_origins_that_nobody_reaches() -> None:
    """One kind of origin refuses connections, another lets them wait for ever."""
    with Origin((), listening="refused") as origin, pytest.raises(ConnectionRefusedError):
        _asked(origin)
    with Origin((), listening="full") as origin, pytest.raises(TimeoutError):
        _asked(origin, 0.3)


def test_settling() -> None:
    """Ports, client ports, times, ids, addresses and paths become stable; other numbers stay."""
    seen = {
        "text": "read tcp 127.0.0.1:40112->127.0.0.1:39001 at 0x7f3a2b1c after 501 ms",
        "lines": ["2026-11-20 04:57:46 in /home/me/x: 390011 tokens, port 39001"],
        "status": 503,
    }
    settled, removed = settle(seen, {39001: 8080}, {"/home/me": "/opt"})
    assert settled == {
        "text": "read tcp 127.0.0.1:54321->127.0.0.1:8080 at 0x7f0000000000 after 500 ms",
        "lines": ["2026-01-01 00:00:00 in /opt/x: 390011 tokens, port 8080"],
        "status": 503,
    }
    assert removed == {"ports", "client ports", "addresses", "durations", "times", "paths"}


def test_settling_twice() -> None:
    """What is settled already stays as it is."""
    for sample in CAPTURED.values():
        again, _ = settle(sample.record.get("text"), {}, {})
        assert again == sample.record.get("text")


def test_refused_samples_are_said(corpus_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure that the corpus has under another name is refused with that name."""
    command = ["http-client", "connection-refused", "--folder", str(corpus_folder)]
    assert main(command) == 0
    folder = corpus_folder / "clients"
    file = folder / "captured-http-client-connection-refused.json"
    file.rename(folder / "other.json")
    assert main(command) == 1
    assert "already here as clients/other" in capsys.readouterr().err
