"""What a page's markup must hold to, read with the standard library."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img"}
Attributes = dict[str, str | None]


class Markup(HTMLParser):
    """The tags of a page with their attributes, its text, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Attributes]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.misnested: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, *names: str) -> list[Attributes]:
        return [attributes for tag, attributes in self.tags if tag in names]

    def links(self) -> list[str]:
        return [attributes.get("href") or "" for attributes in self.all("a")]

    def faults(self) -> list[str]:
        """Whatever would break the page under the policy, or for a reader who cannot see it."""
        found = [f"misnested </{tag}>" for tag in self.misnested]
        found += [f"unclosed <{tag}>" for tag in self.open]
        found += [f"inline style in <{tag}>" for tag, a in self.tags if "style" in a]
        found += [f"<{tag}>" for tag, a in self.tags if tag == "style"]
        found += ["inline script" for a in self.all("script") if not a.get("src")]
        found += [
            f"handler {name} in <{tag}>" for tag, a in self.tags for name in a if name[:2] == "on"
        ]
        ids = Counter(a["id"] for _, a in self.tags if a.get("id"))
        found += [f"id {name!r} stands {n} times" for name, n in ids.items() if n > 1]
        found += [
            f"<svg> without a name: {a}"
            for a in self.all("svg")
            if a.get("aria-hidden") != "true" and not a.get("aria-labelledby")
        ]
        found += [
            f"reference to {name!r}, which is nowhere"
            for _, a in self.tags
            for name in (a.get("aria-labelledby") or "").split()
            if name not in ids
        ]
        found += [
            f"<{tag}> that scrolls and cannot be reached by keyboard"
            for tag, a in self.tags
            if (tag == "pre" or a.get("class") == "scroll") and a.get("tabindex") != "0"
        ]
        found += ["<th> without a scope" for a in self.all("th") if not a.get("scope")]
        if self.all("h1") == [] or len(self.all("h1")) > 1:
            found.append("not exactly one <h1>")
        if not all(a.get("lang") for a in self.all("html")):
            found.append("no language")
        return found
