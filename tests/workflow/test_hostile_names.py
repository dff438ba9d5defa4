"""A config is data: nothing that it holds is run or breaks a page."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.browser import needs_browser, opened
from tests.hostile import HOSTILE
from tests.workflow.tiny import ENVIRONMENT, ROOT, TINY, command, edit, planned, snakemake


@needs_browser
def test_the_html_report_shows_hostile_names_as_they_are_and_runs_no_script(finished, tmp_path):
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    names = [" ".join(name.split()) for name in HOSTILE]

    def rename(config):
        config["title"] = "\n".join(HOSTILE)
        sections = ("systems", "datasets", "backbones")
        named = [part for section in sections for part in config[section].values()]
        for part, name in zip(named, HOSTILE, strict=False):
            part["display"] = name
        assert len(named) == len(HOSTILE) - 1

    edit(folder, rename)
    assert planned(folder) == {"draw_report": 1}
    snakemake(folder)
    snakemake(folder, "--report", "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    expected = {
        "null": [" ".join(names), *names[:3]],
        "app.showCategory('Figures')": names[:3],
        "app.showCategory('Tables')": ["in domain"],
        "app.showResultInfo('results/tiny/figures/overview.png')": ["draw_report", "reads="],
    }

    def seen(page, view):
        # The libraries within the page hold the end of a page as a text: the last one is its own.
        start, _, end = page.rpartition("</body>")
        script = f"<script>setTimeout(() => {view}, 100)</script></body>"
        (tmp_path / "page.html").write_text(start + script + end, encoding="utf-8")
        title, lines = opened(tmp_path / "page.html", tmp_path / "profile")
        return title, "\n".join(lines).replace("\u2060", "")

    for view, shown in expected.items():
        title, text = seen(page, view)
        assert title == "Snakemake Report", view
        for name in shown:
            assert name in text, view
    unguarded = page.replace(r"\u2060", "")
    assert seen(unguarded, "null")[0] == "owned", "the names are harmless: the test shows nothing"


def test_templates_in_a_config_run_nothing_before_they_are_refused(tmp_path):
    ran = tmp_path / "ran"
    code = f"?__import__('pathlib').Path({str(ran)!r}).touch() or 'title'"
    path = tmp_path / "run.yaml"
    path.write_text(f"__use_yte__: true\n{TINY.read_text()}\ndata_root: {json.dumps(code)}\n")
    for refused in (
        ["starbench", "config", "--config", str(path)],
        ["make", "-C", str(ROOT), "-o", ".venv/.installed", "run", f"CONFIG={path}"],
        ["make", "-C", str(ROOT), "-o", ".venv/.installed", "data", f"CONFIG={path}"],
        # Snakemake by itself runs the code (docs/security.md), and is stopped before any job.
        [*command(tmp_path)],
    ):
        assert not ran.exists(), "something before this command ran the config's code"
        done = subprocess.run(
            refused, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode != 0
        assert f"{path}:1: __use_yte__: a config is data" in done.stdout + done.stderr
    assert ran.exists(), "the code in this config is no code, so the test shows nothing"
    assert not (tmp_path / "results").exists()
