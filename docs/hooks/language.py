"""Russian pages speak Russian in their frame too, and the switch of languages leads to the same page where it exists."""

from __future__ import annotations

import re
from typing import Any

#: Links of the head that the theme makes from the switch: it would look for a sitemap behind each of them.
_ALTERNATES = re.compile(r'\s*<link rel="alternate"[^>]*hreflang=[^>]*>')


def _is_russian(address: str) -> bool:
    return address.startswith("ru/") or address.endswith(".ru.md")


def _counterparts(address: str) -> tuple[str, str]:
    """Sources of an English and a Russian page; those of one page, if both exist."""
    if address.startswith("repository/README"):
        return "repository/README.md", "repository/README.ru.md"
    plain = address.removeprefix("ru/")
    return plain, f"ru/{plain}"


def on_config(config: Any) -> Any:
    # Anchors keep Cyrillic letters, as they do on code hosts.
    from markdown.extensions.toc import slugify_unicode

    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify_unicode
    return config


def on_nav(nav: Any, config: Any, files: Any) -> Any:
    config.extra["addresses"] = {file.src_uri: file.url for file in files.documentation_pages()}
    return nav


def on_page_context(context: Any, page: Any, config: Any, nav: Any) -> Any:
    # The theme looks both up while it renders, and pages are rendered one after the other.
    config.theme["language"] = "ru" if _is_russian(page.file.src_uri) else "en"
    urls = config.extra["addresses"]
    english, russian = _counterparts(page.file.src_uri)
    config.extra["alternate"] = [
        {"name": "English", "lang": "en", "link": urls.get(english, "./")},
        {"name": "Русский", "lang": "ru", "link": urls.get(russian, "ru/")},
    ]
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]
    return context


def on_post_page(output: str, page: Any, config: Any) -> str:
    return _ALTERNATES.sub("", output)
