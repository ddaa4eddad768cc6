"""``GET /``: the live page, out of the package; no outside asset, no build step, and nothing of the file system can be reached through it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

#: Where the browser finds everything but the page itself; the page names its parts relatively, so any prefix in front will do.
PREFIX = "/page/"
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
#: Scripts and styles from this server only, none of them inline; no text ever becomes markup (trusted types), nobody frames the page.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
    # Kept, but asked for again each time: a new release must not meet the old one's scripts.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, ready to send; ``packed`` is ``content`` under gzip, ``etag`` stands for both (and so is weak)."""

    content: bytes
    packed: bytes
    media_type: str
    etag: str


def load_assets() -> dict[str, Asset]:
    """Every file of the page by its name; what is not here cannot be asked for."""
    folder = Path(__file__).with_name("page")
    return {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES}


def paths_of(assets: Mapping[str, Asset]) -> frozenset[str]:
    """The addresses that :func:`page_router` answers; empty without assets."""
    return frozenset({"/", *(PREFIX + name for name in assets)} if assets else ())


def page_router(assets: Mapping[str, Asset]) -> APIRouter:
    """Routes for the page and its files; they stay out of the OpenAPI document."""

    async def index(request: Request) -> Response:
        return _answer(request, assets[_INDEX])

    async def part(request: Request) -> Response:
        asset = assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404, "the page has no such file")
        return _answer(request, asset)

    router = APIRouter()
    router.add_route("/", index, methods=["GET"], include_in_schema=False)
    router.add_route(PREFIX + "{name}", part, methods=["GET"], include_in_schema=False)
    return router


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    packed = gzip.compress(content, 9, mtime=0)
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:20]}"'
    return Asset(content, packed, _TYPES[path.suffix], etag)


def _answer(request: Request, asset: Asset) -> Response:
    headers = _HEADERS | {"ETag": asset.etag}
    known = request.headers.get("if-none-match", "")
    if known == "*" or asset.etag in (tag.strip() for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


def _takes_gzip(accepted: str) -> bool:
    for entry in accepted.lower().split(","):
        name, _, quality = entry.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
