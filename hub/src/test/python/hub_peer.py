"""Holds the cache against Python's huggingface_hub, both ways, over the stand-in hub.

    python hub/src/test/python/hub_peer.py MODEL_DIR CLASS_PATH

MODEL_DIR is served as acme/tiny by StandInHub, which CLASS_PATH holds (test classes, classes, Jackson, JUnit is not
needed); ./tune must be built. Needs huggingface_hub.
"""
import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parents[4]
model, class_path = Path(sys.argv[1]).resolve(), sys.argv[2]
hub = subprocess.Popen(["java", "-cp", class_path, "org.tune4j.hub.StandInHub", str(model)],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
endpoint = hub.stdout.readline().strip()


def tune(home, *arguments, **more):
    command = os.environ.get("TUNE", str(root / "tune")).split()
    return subprocess.run([*command, "download", *arguments], text=True, capture_output=True,
                          env=dict(os.environ, HF_HOME=str(home), HF_ENDPOINT=endpoint, **more))


def python(home, code, **more):
    done = subprocess.run([sys.executable, "-c", "import huggingface_hub as h\n" + code], text=True,
                          capture_output=True, env=dict(os.environ, HF_HOME=str(home), HF_ENDPOINT=endpoint, **more))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def same(folder):
    names = sorted(str(f.relative_to(model)) for f in model.rglob("*") if f.is_file())
    match, wrong, missing = filecmp.cmpfiles(model, folder, names, shallow=False)
    assert not wrong and not missing, (wrong, missing)
    return len(match)


def layout(home):
    """Every path under the repository's folder, with what links point to."""
    top = Path(home) / "hub" / "models--acme--tiny"
    return {str(p.relative_to(top)): os.readlink(p) if p.is_symlink() else "" for p in top.rglob("*")
            if p.relative_to(top).parts[0] in ("blobs", "refs", "snapshots")}


with tempfile.TemporaryDirectory() as tmp:
    ours, theirs, local = Path(tmp, "ours"), Path(tmp, "theirs"), Path(tmp, "local")

    # Ours, then Python without a network.
    done = tune(ours, "acme/tiny")
    assert done.returncode == 0, done.stderr
    folder = python(ours, "print(h.snapshot_download('acme/tiny'))", HF_HUB_OFFLINE="1")
    assert folder == done.stdout.strip(), (folder, done.stdout)
    print("written by tune, read offline by huggingface_hub:", same(folder), "files")
    print(python(ours, "i = h.scan_cache_dir(); r, = i.repos; v, = r.revisions; "
                       "assert not i.warnings, i.warnings; print('its scan:', r.repo_id, r.nb_files, 'files', v.refs)"))

    # Python's, then ours: nothing is fetched, though Python's has been stopped in the middle of one file.
    python(theirs, "h.snapshot_download('acme/tiny')")
    assert layout(ours) == layout(theirs), set(layout(ours).items()) ^ set(layout(theirs).items())
    print("both lay out", len(layout(ours)), "paths alike")
    before = {p: p.stat().st_mtime_ns for p in (theirs / "hub").rglob("blobs/*")}
    done = tune(theirs, "acme/tiny")
    assert done.returncode == 0, done.stderr
    assert before == {p: p.stat().st_mtime_ns for p in (theirs / "hub").rglob("blobs/*")}
    print("written by huggingface_hub, used by tune:", same(done.stdout.strip()), "files")

    # A folder of the user's.
    done = tune(ours, "acme/tiny", "--output-dir", str(local))
    assert done.returncode == 0, done.stderr
    python(theirs, f"h.snapshot_download('acme/tiny', local_dir={str(local)!r})")
    print("--output-dir, taken over by local_dir:", same(local), "files")

hub.stdin.close()
hub.wait()
