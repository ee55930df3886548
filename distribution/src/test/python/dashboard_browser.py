"""Uses the dashboard as a person does, in a headless Chromium: zoom, keys, exports, a run that trains, a telephone.

    pip install playwright
    python distribution/src/test/python/dashboard_browser.py                    the checks
    python distribution/src/test/python/dashboard_browser.py --measure          ten runs of 100,000 steps, timed
    python distribution/src/test/python/dashboard_browser.py --shots DIR RUNS   pictures of real runs

Starts `./tune dashboard` by itself and ends it. Exits with 1 at the first check that fails.
"""

import argparse
import csv
import io
import json
import math
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

from playwright.sync_api import expect, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[4]
HOSTILE = "<img src=x onerror=alert(1)>"


def line(step, loss, **more):
    m = dict(step=step, epoch=0, loss=loss, lr=1e-4, grad_norm=1.0, label_tokens=50, tokens=100, seconds=0.5,
             tokens_per_second=200.0, rss_mb=1000 + step % 7)
    return json.dumps(m | more) + "\n"


def write_run(folder, steps, rank, seed=1, noise=0.1):
    (folder / "logs").mkdir(parents=True)
    rnd = random.Random(seed)
    with open(folder / "logs/metrics.jsonl", "w") as out:
        for s in range(1, steps + 1):
            loss = 1 + 2 * math.exp(-5 * s / steps) + rnd.gauss(0, noise)
            more = {"val_loss": loss + 0.1} if s % max(1, steps // 10) == 0 else {}
            out.write(line(s, loss, grad_norm=abs(rnd.gauss(1, 0.3)), tokens=rnd.randrange(50, 150), **more))
    (folder / "config.yaml").write_text(f"lora_rank: {rank}\nseed: 1\noptimizer: {{lr: 1e-4}}\n")


class Server:
    """The dashboard over some folders, until the block ends."""

    def __init__(self, *folders):
        self.command = [ROOT / "tune", "dashboard", *folders, "--port", "0"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        for printed in self.process.stdout:
            if found := re.search(r"http://\S+/", printed):
                self.url = found.group()
                return self
        raise SystemExit("the dashboard did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) // 1024


def open_page(browser, url, **options):
    """A page that fails where its console complains or something is loaded from elsewhere."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
    page = context.new_page()
    page.problems = []
    page.asked = []
    page.on("console", lambda m: page.problems.append(m.text))
    page.on("pageerror", lambda e: page.problems.append(str(e)))
    page.on("request", lambda r: page.asked.append(r.url))
    page.goto(url)
    page.locator("canvas").first.wait_for()
    page.origin = url.split("#")[0]
    return page


def close_page(page):
    assert not page.problems, page.problems
    elsewhere = [u for u in page.asked if not u.startswith((page.origin, "blob:"))]
    assert not elsewhere, elsewhere
    page.context.close()


def settled(page):
    """Waits until no more curves are asked for."""
    before = -1
    while before != (now := sum("/api/curves" in u for u in page.asked)):
        before = now
        page.wait_for_timeout(400)


def last_curves(page, metric="loss"):
    return [u for u in page.asked if f"/api/curves?metric={metric}&" in u][-1]


def plot(page, n=0):
    return page.locator("figure .plot").nth(n)


def check_shows(page, runs):
    expect(page.locator("#runs li")).to_have_count(runs)
    expect(page.locator("figure canvas")).to_have_count(5)
    expect(page.locator("#configs tbody th")).to_have_text(["lora_rank"])
    page.get_by_label("also what is equal").check()
    expect(page.locator("#configs tbody th")).to_have_text(["lora_rank", "optimizer.lr", "seed"])
    page.get_by_label("also what is equal").uncheck()
    assert "Loss over step" in plot(page).get_attribute("aria-label")


def check_zoom(page):
    page.evaluate("scrollTo(0, 0)")
    box = page.locator("figure .u-over").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    page.mouse.up()
    settled(page)
    for metric in ("loss", "grad_norm"):
        low, high = (float(re.search(f"{k}=([^&]+)", last_curves(page, metric)).group(1)) for k in ("from", "to"))
        assert 40 < low < 60 and 90 < high < 110, (low, high)
    page.mouse.dblclick(box["x"] + 50, middle)
    settled(page)
    assert "from=" not in last_curves(page)
    for key, has_range in (("+", True), ("Shift+ArrowRight", True), ("-", True), ("0", False)):
        page.keyboard.press(key)
        settled(page)
        assert ("from=" in last_curves(page)) == has_range, key


def check_keys(page):
    page.keyboard.press("x")
    expect(page.locator("#axis input[value=tokens]")).to_be_checked()
    settled(page)
    assert "x=tokens" in last_curves(page)
    page.keyboard.press("x")
    page.keyboard.press("x")
    page.keyboard.press("l")
    expect(page.locator("#log")).to_be_checked()
    page.keyboard.press("l")
    page.keyboard.press("]")
    expect(page.locator("#smooth output")).to_have_text("0.65")
    page.keyboard.press("[")
    page.keyboard.press("1")
    expect(page.locator("#runs input").first).not_to_be_checked()
    settled(page)
    assert last_curves(page).count("run=") == 2
    page.keyboard.press("a")
    expect(page.locator("#count")).to_have_text("3 of 3")
    page.keyboard.press("a")
    expect(page.locator("figure canvas")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.locator("figure canvas")).to_have_count(5)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    # Tab alone reaches every control; arrows read a curve's values.
    reached = set()
    page.locator("body").click(position={"x": 2, "y": 2})
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className || document.activeElement.name"))
    assert {"smoothing", "log", "x", "plot", "button", "all-keys", "scroll"} <= reached, reached
    plot(page).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("figure .readout").first).to_be_visible()
    assert HOSTILE in page.locator("figure .readout").first.inner_text()


def check_exports(page):
    def saved(title):
        with page.expect_download() as waiting:
            page.get_by_label(title).click()
        return waiting.value.suggested_filename, pathlib.Path(waiting.value.path()).read_bytes()

    name, png = saved("Loss as PNG")
    assert name == "loss.png" and png[:8] == b"\x89PNG\r\n\x1a\n", name
    width = int.from_bytes(png[16:20], "big")
    assert width == 1920, width
    name, svg = saved("Loss as SVG")
    tree = ET.fromstring(svg)
    texts = [t.text for t in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert name == "loss.svg" and HOSTILE in texts and "Loss" in texts and "step" in texts, texts
    clipped = [g for g in tree if g.get("clip-path")][0]
    assert len([p for p in clipped if p.tag.endswith("path")]) == 6, "three runs, raw and smoothed"
    assert len([p for p in clipped if p.tag.endswith("circle")]) == 30, "ten validation points a run"
    name, text = saved("Gradient norm as CSV")
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert len(rows) == 600 and rows[0].keys() == {"run", "step", "tokens", "seconds", "grad_norm"}, rows[:2]


def check_live(page, folder):
    file = folder / "alpha/logs/metrics.jsonl"
    entry = page.locator("#runs li", has_text="alpha").locator(".at")
    expect(entry).to_contain_text("step 200")
    with open(file, "a") as out:
        out.write(line(201, 1.5) + line(202, 1.25) + '{"step":203,"lo')
    expect(entry).to_contain_text("step 202, loss 1.25", timeout=8000)
    expect(entry).to_contain_text("live")
    # A resumed run: cut to step 100, then other steps.
    kept = file.read_text().splitlines(keepends=True)[:100]
    file.write_text("".join(kept) + "".join(line(s, 7.5) for s in range(101, 251)))
    expect(entry).to_contain_text("step 250, loss 7.5", timeout=8000)
    settled(page)
    assert "alpha 7.5" in plot(page).get_attribute("aria-label")
    write_run(folder / "newcomer", 20, 64)
    expect(page.locator("#runs li")).to_have_count(4, timeout=15000)
    shutil.rmtree(folder / "newcomer")
    expect(page.locator("#runs li")).to_have_count(3, timeout=15000)


def check_telephone(browser, url):
    for scheme in ("light", "dark"):
        page = open_page(browser, url, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True,
                         color_scheme=scheme)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, "the page is wider than the screen"
        small = page.evaluate("""() => [...document.querySelectorAll('button, .button, #runs label, fieldset span')]
            .filter(e => e.offsetParent && e.getBoundingClientRect().height < 28).map(e => e.outerHTML)""")
        assert not small, small
        page.locator("figure .u-over").first.tap()
        low = page.evaluate(CONTRAST)
        assert not low, (scheme, low)
        close_page(page)


# Text whose contrast with what lies behind it is below WCAG's 4.5.
CONTRAST = """() => {
  const luminance = c => {
    const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } };
  const low = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.offsetParent || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [getComputedStyle(e).color, ground(e)].map(luminance).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push([e.textContent, getComputedStyle(e).color, ground(e)]);
  }
  return low;
}"""


def check(browser):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "out"
        write_run(folder / "alpha", 200, 8)
        write_run(folder / "beta", 200, 16, seed=2)
        write_run(folder / HOSTILE, 200, 32, seed=3)
        with Server(folder) as server:
            page = open_page(browser, server.url)
            settled(page)
            for name, run in {"shows": lambda: check_shows(page, 3), "zoom": lambda: check_zoom(page),
                              "keys": lambda: check_keys(page), "exports": lambda: check_exports(page),
                              "live": lambda: check_live(page, folder),
                              "telephone": lambda: check_telephone(browser, server.url)}.items():
                run()
                print(f"{name}: well")
            close_page(page)


FRAMES = """async work => {
  const frames = [];
  let last = performance.now(), on = true;
  const tick = () => { const now = performance.now(); frames.push(now - last); last = now; if (on) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const pause = () => new Promise(done => setTimeout(done, 16));
  if (work === 'slider') {
    const slider = document.getElementById('smoothing');
    for (let i = 0; i < 150; i++) { slider.value = 0.3 + i % 60 / 100; slider.dispatchEvent(new Event('input')); await pause(); }
  } else {
    const over = document.querySelector('.u-over'), box = over.getBoundingClientRect();
    for (let i = 0; i < 150; i++) {
      over.dispatchEvent(new MouseEvent('mousemove', {clientX: box.left + i * 5, clientY: box.top + 50, bubbles: true}));
      await pause();
    }
  }
  on = false;
  frames.sort((a, b) => a - b);
  return [frames[frames.length >> 1], frames[Math.floor(frames.length * 0.95)], frames.at(-1)].map(ms => Math.round(ms));
}"""


def measure(browser):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "out"
        for run in range(10):
            write_run(folder / f"run{run}", 100_000, 2**run, seed=run)
        began = time.time()
        with Server(folder) as server:
            page = open_page(browser, server.url)
            page.locator("canvas").nth(4).wait_for()
            print(f"from the command to all curves: {time.time() - began:.1f} s")
            began = time.time()
            page.reload()
            page.locator("canvas").nth(4).wait_for()
            print(f"reloaded: {time.time() - began:.2f} s")
            for work in ("slider", "cursor"):
                settled(page)
                median, most, worst = page.evaluate(FRAMES, work)
                print(f"{work}: frames of {median} ms (median), {most} ms (95 of 100), {worst} ms (longest)")
            print(f"the server's resident size: {server.resident_mib()} MiB")
            close_page(page)


def shots(browser, folder, runs):
    folder.mkdir(parents=True, exist_ok=True)
    telephone = dict(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    with Server(*runs) as server:
        for scheme in ("light", "dark"):
            for name, options, height in (("desktop", dict(viewport={"width": 1200, "height": 1265}), 1265),
                                          ("telephone", telephone, 1190)):
                page = open_page(browser, server.url + "#smoothing=0.8", color_scheme=scheme, **options)
                settled(page)
                if name == "desktop":
                    box = page.locator("figure .u-over").first.bounding_box()
                    page.mouse.move(box["x"] + box["width"] * 0.42, box["y"] + 60)
                page.wait_for_timeout(200)
                page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True,
                                clip={"x": 0, "y": 0, "width": options["viewport"]["width"], "height": height})
                close_page(page)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--chromium", default=shutil.which("chromium"))
    p.add_argument("--measure", action="store_true")
    p.add_argument("--shots", type=pathlib.Path)
    p.add_argument("runs", nargs="*")
    args = p.parse_args()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        if args.measure:
            measure(browser)
        elif args.shots:
            shots(browser, args.shots, args.runs)
        else:
            check(browser)
        browser.close()


if __name__ == "__main__":
    main()
