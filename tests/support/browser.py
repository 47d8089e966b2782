"""A real browser for tests of pages. Pictures are written where PROW_PICTURES says."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = os.environ.get("PROW_PICTURES", "")
Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[Scheme, int], ...] = (("light", 1200), ("dark", 390))
"""How pages are opened: the colours, and the width."""

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="install chromium (Debian: apt-get install chromium)")
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        await browser.close()


async def open_page(
    browser: Browser, address: str, *, scheme: str = "light", width: int = 1200, scripts: bool = True
) -> tuple[Page, list[str]]:
    """A page, and what it complains about."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=scripts,
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(address)
    return page, complaints


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png")


_FAINT = """() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const faint = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("button, select, option, pre")) continue;
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour.startsWith("color(srgb")) { const [r, g, b, a] = rgb(colour.replace("color(srgb", "")); layers.push([r * 255, g * 255, b * 255, a ?? 1]); }
      else { const [r, g, b, a] = rgb(colour); layers.push([r, g, b, a ?? 1]); }
      if (layers.at(-1)[3] === 1) break;
    }
    let ground = layers.pop();
    for (const [r, g, b, a] of layers.reverse()) ground = [r, g, b].map((v, i) => v * a + ground[i] * (1 - a));
    const [one, two] = [light(rgb(getComputedStyle(element).color)), light(ground)].sort((x, y) => y - x);
    const contrast = (one + 0.05) / (two + 0.05);
    if (contrast < 4.5) faint.push(`${walker.currentNode.data.trim()} (${contrast.toFixed(2)})`);
  }
  return faint;
}"""
"""Texts below the contrast that WCAG AA asks for (4.5 to 1)."""


async def check_looks(page: Page, first: Scheme, name: str) -> None:
    """As it was opened, and with the other colours."""
    other: Scheme = "dark" if first == "light" else "light"
    for scheme in (first, other):
        await page.emulate_media(color_scheme=scheme)
        await check(page, dark=scheme == "dark")
        width = (page.viewport_size or {"width": 0})["width"]
        await picture(page, f"{scheme}-{width}-{name}")
    await page.emulate_media(color_scheme=first)


async def check(page: Page, *, dark: bool) -> None:
    """Nothing is wider than the window, the ground is as bright as wanted, and no text is too faint."""
    assert await page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (brightness(ground) < 128) is dark
    faint = await page.evaluate(_FAINT)
    assert not faint, f"too faint: {faint}"


def brightness(colour: str) -> float:
    """Of `rgb(r, g, b)`."""
    red, green, blue = (float(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue
