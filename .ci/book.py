"""The links of the book.

As a preprocessor of mdbook (`book.py`, `book.py supports html`), it replaces links that leave the book by the name of the
file they lead to in the repository. `book.py check DIRECTORY` follows every link of the book as built, but for those to
other sites.
"""

import html.parser
import json
import posixpath
import re
import sys
import urllib.parse
from pathlib import Path

LINK = re.compile(r"\[([^\[\]]+)\]\(([^()\s]+)\)")


def named(page):
    """Replaces a link out of the book by its words and the file's name."""

    def replace(link):
        words, target = link[1], link[2].split("#")[0]
        file = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
        if "://" in target or not target or file.startswith("docs/"):
            return link[0]
        return f"`{file}`" if words.strip("`") == file else f"{words} (`{file}`)"

    return replace


def preprocess(book):
    def chapters(items):
        for chapter in (item["Chapter"] for item in items if isinstance(item, dict) and "Chapter" in item):
            yield chapter
            yield from chapters(chapter["sub_items"])

    for chapter in chapters(book.get("items") or book["sections"]):
        chapter["content"] = LINK.sub(named(chapter["path"]), chapter["content"])
    return book


class Page(html.parser.HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.anchors.add(attributes["id"])
        if link := attributes.get("href" if tag == "a" else "src"):
            self.links.append(link)


def check(root):
    pages = {file: Page(file) for file in sorted(root.rglob("*.html")) if file.name not in ("404.html", "toc.html")}
    broken, links = [], 0
    for file, page in pages.items():
        for link in page.links:
            url = urllib.parse.urlparse(link)
            if url.scheme or url.netloc:
                continue
            links += 1
            target = (file.parent / urllib.parse.unquote(url.path)).resolve() if url.path else file
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists() or (url.fragment and urllib.parse.unquote(url.fragment) not in anchors):
                broken.append(f"{file.name} links to {link}")
    if broken or not links:
        sys.exit("\n".join(broken) or "the book has no links")
    print(f"{len(pages)} pages, {links} links lead somewhere")


if sys.argv[1:2] == ["check"]:
    check(Path(sys.argv[2]).resolve())
elif sys.argv[1:2] != ["supports"]:
    _, book = json.load(sys.stdin)
    json.dump(preprocess(book), sys.stdout)
