"""Downloads from a server that misbehaves: the right file under its final name, or a reason and all as it was."""

import errno
import hashlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from requests.adapters import HTTPAdapter
from server import Reply, Server

from ood import progress, step
from ood.data import download, http
from ood.data import fetch as module
from ood.data.catalogue import ARCHIVES
from ood.data.rows import File

ROOT = Path(__file__).parents[3]
SIZE = 60_000  # fits into the socket buffers, so nothing under way is lost by a reset
BODY, OTHER = random.Random(0).randbytes(SIZE), random.Random(1).randbytes(SIZE)
MD5, SHA256 = hashlib.md5(BODY).hexdigest(), hashlib.sha256(BODY).hexdigest()
PAGE = b"\n<!DOCTYPE html><html>Please log in</html>".ljust(SIZE)
FINAL = ARCHIVES / "a/b.bin"
PART = module.DOWNLOADS / "a%2Fb.bin.part"
HALF = SIZE // 2
RESUMED = f"bytes={HALF}-"
DATED = {"Last-Modified": "Sat, 01 Jan 2022 00:00:00 GMT"}


@pytest.fixture
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.over.set()
        running.shutdown()


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project, and time-outs that suit loopback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OOD_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Path("envs").mkdir()
    Path("envs/requirements.lock").touch()
    monkeypatch.setattr(http, "TIMEOUTS", (2, 0.4))
    monkeypatch.setattr(download, "TRIES", 3)
    monkeypatch.setattr(download, "PAUSE", 0.01)
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.02)
    yield
    progress.log.handlers.clear()


def command(*urls: str, **changes) -> list[str]:
    """The step's command line, for a file whose body is BODY."""
    facts = {"dataset": "A", "version": "1", "digest": f"md5:{MD5}", "bytes": SIZE, "items": None, "licence": ""}
    row = File.model_construct(file="a/b.bin", urls=list(urls), **{**facts, "papers": [], "note": "", **changes})
    return ["ood.data.fetch", "--file", str(FINAL), "--spec", json.dumps(row.model_dump()), "--log", "fetch.log"]


@pytest.fixture
def fetch(monkeypatch):
    """Run the step in this process; what it says when it fails."""

    def run(*urls: str, **changes) -> str:
        monkeypatch.setitem(sys.modules, "__main__", module)
        monkeypatch.setattr(sys, "argv", command(*urls, **changes))
        try:
            step.run(module.fetch)
        except SystemExit as failed:
            return failed.code
        return ""

    return run


def start(*urls: str, log_file: str) -> subprocess.Popen:
    """Run the step in a process of its own."""
    arguments = [sys.executable, "-m", *command(*urls)[:-1], log_file]
    return subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": str(ROOT / "workflow")})


MENDED = {
    "truncated": ([Reply(BODY, sent=HALF), Reply(BODY)], [None, RESUMED]),
    "truncated, sent in chunks": ([Reply(BODY, chunked=True, sent=HALF + 6), Reply(BODY)], [None, RESUMED]),
    "truncated, without a length": (
        [Reply(BODY, headers={"Content-Length": "", "Connection": "close"}, sent=HALF), Reply(BODY)],
        [None, RESUMED],
    ),
    "reset": ([Reply(BODY, sent=HALF, then="reset"), Reply(BODY)], [None, RESUMED]),
    "stalled": ([Reply(BODY, sent=HALF, then="stall"), Reply(BODY)], [None, RESUMED]),
    "a slow drip, longer than any time-out": ([Reply(BODY, drip=0.06)], [None]),
    "503 twice": ([Reply(status=503), Reply(status=503), Reply(BODY)], [None] * 3),
    "Range ignored": ([Reply(BODY, sent=HALF), Reply(BODY, ranges=False)], [None, RESUMED]),
    "changed": ([Reply(OTHER, sent=HALF), Reply(BODY, etag='"two"')], [None, RESUMED]),
    "changed, If-Range ignored": (
        [Reply(OTHER, sent=HALF), Reply(BODY, etag='"two"', if_range=False), Reply(BODY)],
        [None, RESUMED, None],
    ),
    "become shorter": (
        [Reply(OTHER, sent=HALF, chunked=True), Reply(BODY[:9], if_range=False), Reply(BODY)],
        [None, f"bytes={HALF - 6}-", None],
    ),
    "a date for a version": (
        [Reply(BODY, etag='W/"one"', headers=DATED, sent=HALF), Reply(BODY, etag='W/"one"', headers=DATED)],
        [None, RESUMED],
    ),
    "no version, so no resuming": ([Reply(BODY, etag="", sent=HALF), Reply(BODY, etag="")], [None, None]),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_can_be_mended_is_mended(server, fetch, case):
    replies, ranges = MENDED[case]
    assert fetch(server.url("b", *replies)) == ""
    assert FINAL.read_bytes() == BODY
    assert json.loads(Path(f"{FINAL}.record.json").read_text())["output"]["sha256"] == SHA256
    assert server.ranges == ranges


def test_waits_are_doubled_and_as_long_as_the_server_asks_but_bounded(server, fetch, monkeypatch):
    waits = []
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(download, "TRIES", 6)
    monkeypatch.setattr(download, "PAUSE", 1)
    monkeypatch.setattr(download, "LONGEST_PAUSE", 7)
    asked = [{}, {"Retry-After": "3"}, {"Retry-After": "soon"}, {}, {"Retry-After": "9999"}]
    assert fetch(server.url("b", *(Reply(status=429, headers=headers) for headers in asked), Reply(BODY))) == ""
    assert waits == [1, 3, 4, 7, 7]


HTML = {"Content-Type": "text/html; charset=utf-8"}
REFUSED = {
    "wrong bytes": ([Reply(OTHER)], {}, f"has digest md5:{hashlib.md5(OTHER).hexdigest()} instead of md5:{MD5}"),
    "wrong bytes, 8 digits published": ([Reply(OTHER)], {"digest": f"sha256:{SHA256[:8]}"}, "has digest sha256:"),
    "a page that says so": ([Reply(b"<p>Log in", headers=HTML)], {}, "is a web page, not the file"),
    "a page that does not": ([Reply(PAGE)], {}, "is a web page, not the file"),
    "404": ([Reply(status=404)], {}, "404 Not Found"),
    "503 for ever": ([Reply(status=503)], {}, "503 Service Unavailable (3 times in a row)"),
    "truncated for ever": ([Reply(BODY, ranges=False, sent=HALF)], {}, "broke off: IncompleteRead"),
    "too long": ([Reply(BODY + b"!")], {}, f"has {SIZE + 1} bytes instead of {SIZE}"),
    "too long, and does not say so": ([Reply(BODY + b"!", chunked=True)], {}, f"sends more than {SIZE} bytes"),
    "too short": ([Reply(BODY[1:])], {}, f"has {SIZE - 1} bytes instead of {SIZE}"),
    "another scheme": ([Reply(status=302, headers={"Location": "https://a.b/c"})], {}, "redirects to another scheme"),
    "in circles": ([Reply(status=302, headers={"Location": "/b"})], {}, "redirects more than 5 times"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_the_file_is_named_and_what_was_there_stays(server, fetch, case):
    FINAL.parent.mkdir(parents=True)
    FINAL.write_text("old")
    replies, changes, reason = REFUSED[case]
    url = server.url("b", *replies)
    message = fetch(url, **changes)
    assert f"{url}: {reason}" in message
    assert f"a/b.bin (A, 60.0 kB, {changes.get('digest', f'md5:{MD5}')}) could not be obtained" in message
    assert "Put it at mirror/a/b.bin by hand, and run again with OOD_MIRROR=mirror." in message
    assert FINAL.read_text() == "old" and not Path(f"{FINAL}.record.json").exists()
    assert PART.exists() == (case == "truncated for ever")


@pytest.mark.parametrize(("listens", "reason"), [(False, "[Errno 111] Connection refused"), (True, "timed out")])
def test_nobody_answers(fetch, listens, reason):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if listens:
            nobody.listen()
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/b"
        assert f"{url}: no answer: {reason} (3 times in a row)" in fetch(url)


def test_https_is_not_given_up(server):
    class Plain(HTTPAdapter):
        """Speaks http where https was asked for."""

        def send(self, request, **options):
            request.url = request.url.replace("https:", "http:")
            return super().send(request, **options)

    secure, plain = (server.url(name, Reply(status=301)) for name in "sp")
    server.script["/s"][0].headers["Location"] = plain
    with requests.Session() as session, pytest.raises(http.Failed, match=f"another scheme, {plain}"):
        session.mount("https://", Plain())
        http.get(session, secure.replace("http:", "https:"), {})
    assert [path for path, _ in server.requests] == ["/s"]


def test_the_next_url_is_tried_and_redirects_within_the_scheme_are_followed(server, fetch):
    server.url("b", Reply(BODY, sent=HALF), Reply(BODY))
    moved = server.url("moved", Reply(status=302, headers={"Location": "/b"}))
    assert fetch(server.url("gone", Reply(status=404)), moved) == ""
    assert FINAL.read_bytes() == BODY
    assert [path for path, _ in server.requests] == ["/gone", "/moved", "/b", "/moved", "/b"]
    assert server.ranges[-1] == RESUMED


def test_without_a_published_digest_the_found_one_is_told(server, fetch):
    assert fetch(server.url("b", Reply(BODY)), digest="", bytes=None) == ""
    assert f"sha256:{SHA256}, none is published" in Path("fetch.log").read_text()


def test_what_an_earlier_run_left_is_gone_on_with_or_thrown_away(server, fetch):
    url = server.url("b", Reply(BODY, sent=HALF), Reply(status=404), Reply(BODY))
    assert "404 Not Found" in fetch(url) and PART.read_bytes() == BODY[:HALF]
    PART.write_bytes(OTHER[:HALF])
    assert fetch(url) == ""
    assert FINAL.read_bytes() == BODY
    assert server.ranges == [None, RESUMED, RESUMED, None]


@pytest.mark.parametrize("size", [SIZE, None])
def test_a_whole_file_that_was_not_yet_published_is_not_sent_again(server, fetch, size):
    PART.parent.mkdir(parents=True)
    PART.write_bytes(BODY)
    Path(f"{PART}.version").write_text('"one"')
    assert fetch(server.url("b", Reply(BODY)), bytes=size) == ""
    assert FINAL.read_bytes() == BODY and server.bytes_sent == 0


@pytest.mark.parametrize("folder", [True, False])
def test_the_mirror_comes_first(server, fetch, monkeypatch, folder):
    server.url("m/a/b.bin", Reply(BODY))
    Path("m/a").mkdir(parents=True)
    Path("m/a/b.bin").write_bytes(BODY)
    PART.parent.mkdir(parents=True)
    PART.write_bytes(BODY[:HALF])
    monkeypatch.setenv("OOD_MIRROR", "m" if folder else f"http://127.0.0.1:{server.server_port}/m/")
    assert fetch(server.url("b", Reply(BODY))) == ""
    assert FINAL.read_bytes() == BODY
    assert [path for path, _ in server.requests] == ([] if folder else ["/m/a/b.bin"])
    assert not PART.exists() or PART.samefile(FINAL)


def test_a_mirror_in_the_home_folder_is_found(fetch, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/m/a").mkdir(parents=True)
    (tmp_path / "home/m/a/b.bin").write_bytes(BODY)
    monkeypatch.setenv("OOD_MIRROR", "~/m")
    assert fetch() == "" and FINAL.read_bytes() == BODY


MIRRORED = {
    "missing": (None, "there is no such file"),
    "too short": (BODY[1:], f"has {SIZE - 1} bytes instead of {SIZE}"),
    "another": (OTHER, "has digest md5:"),
    "a page": (PAGE, "is a web page"),
}


@pytest.mark.parametrize("case", MIRRORED)
def test_a_wrong_file_in_the_mirror_is_named_and_the_url_tried(server, fetch, monkeypatch, case):
    content, reason = MIRRORED[case]
    Path("m/a").mkdir(parents=True)
    if content:
        Path("m/a/b.bin").write_bytes(content)
    monkeypatch.setenv("OOD_MIRROR", "m")
    message = fetch()
    assert f"m/a/b.bin: {reason}" in message and message.endswith("Put it at m/a/b.bin by hand.\nThe log is fetch.log.")
    assert fetch(server.url("b", Reply(BODY))) == "" and FINAL.read_bytes() == BODY


def test_no_source_at_all(fetch):
    message = fetch(note="needs an account")
    assert "it has no URL, and no mirror is configured." in message and "Note: needs an account." in message


def test_too_little_room_is_seen_before_the_first_byte(server, fetch, monkeypatch):
    usage = download.shutil.disk_usage(".")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage._replace(free=SIZE - 1))
    message = fetch(server.url("b", Reply(BODY)))
    assert "has no room for http" in message and "60.0 kB. Make room and run again" in message
    assert not PART.exists() and not FINAL.exists()


@pytest.mark.parametrize("etag", ['"one"', ""])
def test_a_full_disk_keeps_what_can_be_gone_on_with(server, fetch, etag):
    url = server.url("b", Reply(BODY, etag=etag))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, limits[1]))
    try:
        message = fetch(url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"has no room for {url}, 60.0 kB. Make room and run again. (File too large after 30.0 kB)" in message
    assert not FINAL.exists() and PART.exists() == bool(etag)
    assert fetch(url) == "" and FINAL.read_bytes() == BODY
    assert server.ranges == [None, RESUMED if etag else None]


def test_two_processes_send_for_it_once(server):
    url, logs = server.url("b", Reply(BODY)), [Path("0.log"), Path("1.log")]

    def waiting() -> int:
        return sum(log.is_file() and "another process is fetching it" in log.read_text() for log in logs)

    with server.turn:  # no answer before the second one has come
        processes = [start(url, log_file=str(log)) for log in logs]
        until = time.monotonic() + 60
        while not waiting():
            assert None in [process.poll() for process in processes] and time.monotonic() < until
            time.sleep(0.01)
    assert [process.wait(60) for process in processes] == [0, 0]
    assert FINAL.read_bytes() == BODY and server.bytes_sent == SIZE and waiting() == 1
    assert [path.suffix for path in module.DOWNLOADS.iterdir()] == [".lock"]


def test_killed_it_goes_on_where_it_was(server):
    url = server.url("b", Reply(BODY, sent=HALF, then="stall"), Reply(BODY))
    process = start(url, log_file="killed.log")
    while download.length(PART) < HALF:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not FINAL.exists()
    assert start(url, log_file="again.log").wait(60) == 0
    assert FINAL.read_bytes() == BODY and server.ranges == [None, RESUMED]


def test_progress_in_bytes(monkeypatch, caplog):
    monkeypatch.setattr(progress.time, "monotonic", iter([0.0, 4.0, 10.0]).__next__)
    caplog.set_level("INFO")
    chunks = [bytes(500), bytes(1500)]
    assert list(progress.flow(chunks, "b", done=1_000_000, total=1_005_000)) == chunks
    assert caplog.messages == ["b: 1.0 MB of 1.0 MB, 0:15 left, 200 bytes/s"]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (4542, "4.5 kB"), (147_897_477_120, "147.9 GB")]
)
def test_sizes_for_people(count, text):
    assert progress.human(count) == text


def test_a_file_system_without_locks_is_no_other_process(monkeypatch, tmp_path):
    """Nor is it asked again, to wait for that one."""
    asked = []

    def lockf(*given) -> None:
        asked.append(given)
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module.fcntl, "lockf", lockf)
    with pytest.raises(OSError, match="No locks available"):
        module._lock("a.tar", tmp_path / "a.lock")
    assert len(asked) == 1
