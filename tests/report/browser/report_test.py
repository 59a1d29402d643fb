#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at pages of ditune report in a real browser.

  tests/report/browser/report_test.py OUT PAGE.html...

At the width of a screen and of a phone, in light and dark: no error, no request, every section is there, nothing is
wider than the page, no label of a picture leaves it or covers another one; tables are sorted by keyboard, and filtered.
Keeps a screenshot of each in OUT. Exits 1 if anything is wrong.
"""

from __future__ import annotations

import base64
import pathlib
import sys
import time
from typing import Any

from devtools import NAMES, Browser, find_browser

SECTIONS = ["summary", "layers", "roofline", "search", "rows", "provenance"]
MOST_PRINTED = 3_000_000  # bytes of a page
VIEWS = [("wide", 1440, "light"), ("phone", 390, "light"), ("dark", 1440, "dark")]

LABELS = """
(() => {
  const wrong = [];
  for (const svg of document.querySelectorAll('main svg')) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    const texts = [...svg.querySelectorAll('text')].slice(0, 400)
      .map((t) => [t.textContent, t.getBoundingClientRect()]);
    const name = svg.getAttribute('aria-label');
    texts.forEach(([text, box], i) => {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
          box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        wrong.push(`${name}: '${text}' leaves the picture`);
      for (const [other, its] of texts.slice(i + 1))
        if (box.left < its.right - 1 && its.left < box.right - 1 &&
            box.top < its.bottom - 3 && its.top < box.bottom - 3)
          wrong.push(`${name}: '${text}' covers '${other}'`);
    });
  }
  return wrong;
})()
"""

SORT = """
(() => {
  const table = [...document.querySelectorAll('main table')].find((t) => t.tBodies[0].rows.length > 1) ||
    document.querySelector('main table');
  for (let d = table.closest('details'); d; d = d.parentElement.closest('details')) d.open = true;
  window.table = table;
  window.header = table.querySelector('th.number');
  header.querySelector('button').focus();
  return document.activeElement.tagName;
})()
"""
COLUMN = """
[...table.tBodies[0].rows].map((r) => r.cells[header.cellIndex].textContent.replaceAll(',', ''))
  .filter((t) => t).map(Number)
"""


class Checks:
    def __init__(self) -> None:
        self.wrong: list[str] = []

    def that(self, holds: bool, says: str) -> None:
        if not holds:
            self.wrong.append(says)
            print(f"WRONG: {says}")


def complaints(event: dict[str, Any], url: str) -> str | None:
    """What is wrong with an event, if anything is."""
    method, data = event.get("method"), event.get("params", {})
    if method == "Runtime.exceptionThrown":
        return f"exception: {data['exceptionDetails']}"
    if method == "Runtime.consoleAPICalled" and data["type"] in ("error", "warning", "assert"):
        return f"console: {data['args']}"
    if method == "Log.entryAdded" and data["entry"]["level"] in ("error", "warning"):
        return f"log: {data['entry']['text']}"
    if method == "Network.requestWillBeSent" and data["request"]["url"] != url:
        return f"request: {data['request']['url']}"
    if method == "Page.javascriptDialogOpening":
        return "a dialog was opened: a script of the database ran"
    return None


def check_sorting(browser: Browser, checks: Checks, name: str) -> None:
    checks.that(browser.evaluate(SORT) == "BUTTON", f"{name}: a header cannot be focused")
    for order in ("ascending", "descending"):
        browser.press("Enter")
        said = browser.evaluate("header.getAttribute('aria-sort')")
        checks.that(said == order, f"{name}: aria-sort is {said}, not {order}")
        column = browser.evaluate(COLUMN)
        checks.that(column == sorted(column, reverse=order == "descending"), f"{name}: not sorted: {column[:10]}")
    others = browser.evaluate("table.querySelectorAll('th[aria-sort=ascending], th[aria-sort=descending]').length")
    checks.that(others == 1, f"{name}: {others} columns say that they are sorted")


def check_filter(browser: Browser, checks: Checks, name: str) -> None:
    left = browser.evaluate("""(() => {
      const input = document.querySelector('.filter input');
      if (!input) return null;
      const rows = [...input.closest('.filter').nextElementSibling.querySelectorAll('tbody tr')];
      const shown = () => rows.filter((r) => !r.hidden).length;
      const type = (text) => { input.value = text; input.dispatchEvent(new Event('input')); };
      const all = shown();
      type('no row has this'); const none = shown();
      type(''); return [all, none, shown()];
    })()""")
    if left:
        checks.that(left[1] == 0 and left[0] == left[2] > 0, f"{name}: the filter leaves {left}")


def check_choice(browser: Browser, checks: Checks, name: str) -> None:
    shown = browser.evaluate("""[...document.querySelectorAll('.choices')].map((c) => {
      const select = c.previousElementSibling.querySelector('select');
      if (select) { select.selectedIndex = 1; select.dispatchEvent(new Event('change')); }
      const left = [...c.children].filter((child) => !child.hidden).length;
      if (select) { select.selectedIndex = 0; select.dispatchEvent(new Event('change')); }
      return left;
    })""")
    checks.that(all(count <= 1 for count in shown), f"{name}: maps shown: {shown}")


def check_looks(browser: Browser, checks: Checks, name: str, scheme: str) -> None:
    found = browser.evaluate("[...document.querySelectorAll('main > section')].map((s) => s.id)")
    for section in SECTIONS:
        checks.that(section in found, f"{name}: no section {section}")
    wide, view = browser.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    checks.that(wide <= view, f"{name}: the page is {wide} pixels wide, the window {view}")
    for label in browser.evaluate(LABELS)[:20]:
        checks.that(False, f"{name}: {label}")
    colour = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in colour.strip("rgb()").split(",")) > 384
    checks.that(light == (scheme == "light"), f"{name}: the ground is {colour}")


def screenshot(browser: Browser, path: pathlib.Path) -> None:
    shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
    path.write_bytes(base64.b64decode(shot["data"]))


def check_page(browser: Browser, checks: Checks, page: pathlib.Path, out: pathlib.Path) -> None:
    for view, width, scheme in VIEWS:
        name = f"{page.stem} {view}"
        browser.events.clear()
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.call("Page.navigate", url=page.as_uri())
        browser.wait_for("Page.loadEventFired")
        check_looks(browser, checks, name, scheme)
        screenshot(browser, out / f"{page.stem}-{view}.png")
        check_sorting(browser, checks, name)
        check_filter(browser, checks, name)
        check_choice(browser, checks, name)
        for event in browser.events:
            complaint = complaints(event, page.as_uri())
            checks.that(complaint is None, f"{name}: {complaint}")
    if page.stat().st_size < MOST_PRINTED:
        pdf = base64.b64decode(browser.call("Page.printToPDF")["data"])
        checks.that(pdf.startswith(b"%PDF"), f"{page.stem}: is not printed")
        (out / f"{page.stem}.pdf").write_bytes(pdf)


def main(arguments: list[str]) -> int:
    program = find_browser()
    if len(arguments) < 2:
        print("usage: tests/report/browser/report_test.py OUT PAGE.html...", file=sys.stderr)
        return 2
    if program is None:
        print(f"no browser: none of {', '.join(NAMES)} is installed (run scripts/setup --ci)", file=sys.stderr)
        return 2
    out = pathlib.Path(arguments[0])
    out.mkdir(parents=True, exist_ok=True)
    checks, began = Checks(), time.monotonic()
    with Browser(program) as browser:
        for page in arguments[1:]:
            check_page(browser, checks, pathlib.Path(page).resolve(), out)
    seconds = time.monotonic() - began
    print(f"{len(arguments) - 1} pages, {len(checks.wrong)} wrong, {seconds:.0f} s; screenshots in {out}")
    return 1 if checks.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
