"""A stand-in for the Hugging Face hub on this machine: real HTTP on a real socket, as much of the protocol as push and pull need.

What it speaks: making repositories and branches, checking a card's metadata, preupload, the LFS batch with its uploads to signed addresses,
commits as NDJSON, a model's information and tree, and ``resolve`` with ETag and commit, where large files are redirected to a store. What it
does not: Xet, the transport that huggingface_hub prefers where its Rust part is installed; HF_HUB_DISABLE_XET=1 turns that off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_" + "tokenofthisdesk" * 2
#: In the signed addresses of the store; whoever has one may read or write the content.
SIGNATURE = "signedforanhour"
LARGE = (".onnx",)


@dataclass
class Repository:
    """Commits are whole trees; branches point to them."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, branch: str, tree: dict[str, bytes], message: str) -> str:
        digest = hashlib.sha1(repr((len(self.commits), message, sorted(tree))).encode()).hexdigest()
        self.commits[digest] = tree
        self.branches[branch] = digest
        self.messages.append(message)
        return digest

    def find(self, revision: str) -> str | None:
        found = self.branches.get(revision, revision)
        return found if found in self.commits else None


@dataclass
class HubStandIn:
    """What the hub holds, what it was asked, and how it misbehaves.

    Attributes:
        repositories: by ``owner/name``.
        store: large content by its SHA-256.
        asked: method, path and ``Range`` of every request.
        break_after: so many downloads from the store are cut off after ``break_at`` bytes.
        damage: the store sends content with a byte changed, so many times.
        status: answered to everything where it is not 200.
        read_only: the token may not write.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    break_after: int = 0
    break_at: int = 0
    damage: int = 0
    status: int = 200
    read_only: bool = False
    endpoint: str = ""
    store_at: str = ""

    def downloads(self) -> list[str | None]:
        """The ``Range`` of every download from the store."""
        return [wanted for method, path, wanted in self.asked if method == "GET" and path.startswith("/store/")]

    def uploads(self) -> int:
        return sum(method == "PUT" for method, _, _ in self.asked)

    def tree(self, repo: str, revision: str = "main") -> dict[str, bytes]:
        """The files of a revision."""
        repository = self.repositories[repo]
        return repository.commits[repository.branches[revision]]


class RefusalError(Exception):
    """An answer that is an error, in the hub's own words."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def handler_for(hub: HubStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

        def _serve(self) -> None:
            hub.asked.append((self.command, self.path, self.headers.get("Range")))
            body = self._body()
            try:
                if hub.status != 200:
                    raise RefusalError(hub.status)
                address = urlsplit(self.path)
                if address.path.startswith("/store/"):
                    self._serve_store(address.path.removeprefix("/store/"), parse_qs(address.query), body)
                else:
                    self._check_token()
                    self._route(address.path, body)
            except RefusalError as refusal:
                headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
                self._send(refusal.status, json.dumps({"error": refusal.message}).encode(), **headers)

        def _route(self, path: str, body: bytes) -> None:
            for method, pattern, answer in self._ROUTES:
                found = re.fullmatch(pattern, path)
                if found and method == self.command.replace("HEAD", "GET"):
                    answer(self, *map(unquote, found.groups()), body)
                    return
            raise RefusalError(404, message="no such address in this stand-in")

        # Reading

        def _model(self, repo: str, body: bytes) -> None:
            self._revision(repo, "main", body)

        def _revision(self, repo: str, revision: str, _: bytes) -> None:
            repository, commit = self._find(repo, revision)
            siblings = [{"rfilename": path} for path in repository.commits[commit]]
            self._json({"_id": "1", "id": repo, "sha": commit, "private": repository.private, "siblings": siblings})

        def _tree(self, repo: str, revision: str, _: bytes) -> None:
            repository, commit = self._find(repo, revision)
            entries = []
            for path, content in repository.commits[commit].items():
                entry: dict[str, Any] = {
                    "type": "file",
                    "path": path,
                    "size": len(content),
                    "oid": git_hash(content),
                }
                if path.endswith(LARGE):
                    entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
                entries.append(entry)
            self._json(entries)

        def _resolve(self, repo: str, revision: str, path: str, _: bytes) -> None:
            repository, commit = self._find(repo, revision)
            content = repository.commits[commit].get(path)
            if content is None:
                raise RefusalError(404, "EntryNotFound", "Entry not found")
            if path.endswith(LARGE):
                digest = sha256(content)
                self._send(
                    302,
                    b"",
                    **{
                        "Location": f"{hub.store_at}/store/{digest}?Signature={SIGNATURE}",
                        "X-Repo-Commit": commit,
                        "X-Linked-Etag": f'"{digest}"',
                        "X-Linked-Size": str(len(content)),
                    },
                )
                return
            self._send(200, content, **{"ETag": f'"{git_hash(content)}"', "X-Repo-Commit": commit})

        # Writing

        def _create(self, body: bytes) -> None:
            self._check_writer()
            wanted = json.loads(body)
            repo = f"{wanted['organization']}/{wanted['name']}"
            url = f"{hub.endpoint}/{repo}"
            if repo in hub.repositories:
                self._send(409, json.dumps({"error": "You already created this model repo", "url": url}).encode())
                return
            private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
            repository = hub.repositories[repo] = Repository(private)
            repository.commit("main", {".gitattributes": b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"}, "initial")
            self._json({"url": url, "name": repo, "id": "1"})

        def _branch(self, repo: str, branch: str, _: bytes) -> None:
            self._check_writer()
            repository, commit = self._find(repo, "main")
            if branch in repository.branches:
                raise RefusalError(409, message="Reference already exists")
            repository.branches[branch] = commit
            self._json({})

        def _validate(self, body: bytes) -> None:
            metadata = re.match(r"---\n(.*?)\n---\n", json.loads(body)["content"], re.DOTALL)
            try:
                sound = metadata is None or isinstance(yaml.safe_load(metadata[1]), dict)
            except yaml.YAMLError:
                sound = False
            warnings = [] if metadata else [{"message": "empty or missing yaml metadata in repo card"}]
            errors = [] if sound else [{"message": "bad YAML"}]
            self._send(200 if sound else 400, json.dumps({"errors": errors, "warnings": warnings}).encode())

        def _preupload(self, repo: str, revision: str, body: bytes) -> None:
            self._check_writer()
            repository, commit = self._find(repo, revision)
            there = repository.commits[commit]
            answers = []
            for file in json.loads(body)["files"]:
                path, large = file["path"], file["path"].endswith(LARGE)
                oid = None if path not in there else (sha256 if large else git_hash)(there[path])
                mode = "lfs" if large else "regular"
                answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
            self._json({"files": answers})

        def _batch(self, repo: str, body: bytes) -> None:
            self._check_writer()
            objects = []
            for wanted in json.loads(body)["objects"]:
                if wanted["oid"] not in hub.store:
                    upload = {"href": f"{hub.store_at}/store/{wanted['oid']}?Signature={SIGNATURE}", "header": {}}
                    verify = {"href": f"{hub.endpoint}/{repo}.git/info/lfs/verify"}
                    wanted = {**wanted, "actions": {"upload": upload, "verify": verify}}
                objects.append(wanted)
            self._json({"transfer": "basic", "objects": objects})

        def _verify(self, repo: str, body: bytes) -> None:
            wanted = json.loads(body)
            if len(hub.store.get(wanted["oid"], b"")) != wanted["size"]:
                raise RefusalError(422, message="the store has no such object")
            self._json({})

        def _commit(self, repo: str, branch: str, body: bytes) -> None:
            self._check_writer()
            repository, parent = self._find(repo, branch)
            tree = dict(repository.commits[parent])
            message = ""
            for line in body.splitlines():
                key, value = (json.loads(line)[part] for part in ("key", "value"))
                if key == "header":
                    message = value["summary"]
                elif key == "file":
                    tree[value["path"]] = base64.b64decode(value["content"])
                elif key == "lfsFile":
                    if value["oid"] not in hub.store:
                        raise RefusalError(400, message="an object of the commit was not uploaded")
                    tree[value["path"]] = hub.store[value["oid"]]
                elif key == "deletedFile":
                    del tree[value["path"]]
                else:
                    raise RefusalError(400, message=f"no {key} in this stand-in")
            commit = repository.commit(branch, tree, message)
            self._json({"success": True, "commitOid": commit, "commitUrl": f"{hub.endpoint}/{repo}/commit/{commit}"})

        _ROUTES = (
            ("POST", r"/api/repos/create", _create),
            ("POST", r"/api/validate-yaml", _validate),
            ("POST", r"/api/models/([^/]+/[^/]+)/branch/([^/]+)", _branch),
            ("POST", r"/api/models/([^/]+/[^/]+)/preupload/([^/]+)", _preupload),
            ("POST", r"/api/models/([^/]+/[^/]+)/commit/([^/]+)", _commit),
            ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", _batch),
            ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/verify", _verify),
            ("GET", r"/api/models/([^/]+/[^/]+)", _model),
            ("GET", r"/api/models/([^/]+/[^/]+)/revision/([^/]+)", _revision),
            ("GET", r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", _tree),
            ("GET", r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", _resolve),
        )

        # The store

        def _serve_store(self, digest: str, query: dict[str, list[str]], body: bytes) -> None:
            if query.get("Signature") != [SIGNATURE] or self.headers.get("Authorization") is not None:
                raise RefusalError(403)  # the token is for the hub alone
            if self.command == "PUT":
                if sha256(body) != digest:
                    raise RefusalError(400)
                hub.store[digest] = body
                self._send(200, b"")
                return
            content = hub.store[digest]
            if self.command == "GET" and hub.damage:
                hub.damage -= 1
                content = content[:-1] + bytes([content[-1] ^ 1])
            wanted = self.headers.get("Range")
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            headers = {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
            if wanted:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            cut = hub.break_at if self.command == "GET" and len(hub.downloads()) <= hub.break_after else None
            self._send(206 if wanted else 200, content[start:], cut=cut, **headers)

        # What every answer needs

        def _find(self, repo: str, revision: str) -> tuple[Repository, str]:
            repository = hub.repositories.get(repo)
            signed_in = self.headers.get("Authorization") is not None
            if repository is None or (repository.private and not signed_in):
                raise RefusalError(404 if signed_in else 401, "RepoNotFound", "Repository not found")
            commit = repository.find(revision)
            if commit is None:
                raise RefusalError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return repository, commit

        def _check_token(self) -> None:
            if self.headers.get("Authorization") not in (None, f"Bearer {TOKEN}"):
                raise RefusalError(401, message="Invalid credentials in Authorization header")

        def _check_writer(self) -> None:
            if self.headers.get("Authorization") is None:
                raise RefusalError(401, message="Invalid username or password.")
            if hub.read_only:
                raise RefusalError(403, message="You don't have the rights to create a model under this namespace")

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _json(self, value: Any) -> None:
            self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

        def _send(self, status: int, body: bytes, *, cut: int | None = None, **headers: str) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                if value:
                    self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

    return Handler


@contextmanager
def running(hub: HubStandIn) -> Iterator[HubStandIn]:
    """Serve until the block ends; the store has an address of its own, which releases tell by its host or by its port."""
    with _server(hub) as port, _server(hub) as store_port:
        hub.endpoint, hub.store_at = f"http://127.0.0.1:{port}", f"http://localhost:{store_port}"
        yield hub


@contextmanager
def _server(hub: HubStandIn) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
