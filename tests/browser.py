"""A real browser for tests: Chromium without a window, driven over WebDriver on loopback."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import requests

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver: the key of an element
ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"


def why_no_browser() -> str:
    """Return why there is no browser to test with, "" where there is one."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if not missing:
        return ""
    return f"no {' and no '.join(missing)} here; `make browser` installs them on Debian"


class Browser:
    """One session. Sizes are in CSS pixels."""

    def __init__(self, folder: Path, *, dark: bool = False) -> None:
        log = (folder / "chromedriver.log").open("w")
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        self._url = f"http://127.0.0.1:{self._read_port()}"
        self._http = requests.Session()
        self._http.trust_env = False
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--force-prefers-reduced-motion",
            f"--user-data-dir={folder / 'profile'}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        ]
        options = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._url += f"/session/{made['sessionId']}"

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("DELETE", "")
        finally:
            self._http.close()
            self._driver.terminate()
            self._driver.wait(timeout=30)
            if self._driver.stdout is not None:
                self._driver.stdout.close()

    def open(self, page: Path | str, *, width: int = 1400, height: int = 900) -> None:
        """Open a file or a URL.

        Phones' widths are set as a phone would, as windows have a least width.
        """
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", metrics)
        url = page if isinstance(page, str) else page.resolve().as_uri()
        self._ask("POST", "/url", {"url": url})

    def command(self, name: str, parameters: dict[str, Any]) -> Any:
        """Send a command of the Chrome DevTools Protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function in the page and return what it returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def press(self, keys: str) -> None:
        """Press keys, where the focus is."""
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": steps}
        self._ask("POST", "/actions", {"actions": [source]})

    def click(self, selector: str) -> None:
        using = {"using": "css selector", "value": selector}
        element = self._ask("POST", "/element", using)[_ELEMENT]
        self._ask("POST", f"/element/{element}/click", {})

    def picture(self) -> bytes:
        """Return a PNG of what is to be seen."""
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def messages(self) -> list[str]:
        """Return what the page's console says: errors, refused resources."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def _read_port(self) -> str:
        """Return the port once the driver says it, however long a busy machine takes."""
        for line in self._driver.stdout or ():
            if "started successfully on port" in line:
                return line.split()[-1].rstrip(".")
        raise RuntimeError("chromedriver did not start")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, self._url + path, json=body, timeout=120)
        value = answer.json()["value"]
        if answer.status_code != 200:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value
