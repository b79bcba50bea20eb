"""browser_automation on Playwright for Python: one browser of this process, driven in a thread of its own.

The thread runs the event loop in which Playwright lives, so that calls may come from every thread and from within other
event loops. The browser starts with the first call and ends with the process.
"""
import asyncio
import atexit
import importlib
import inspect
import os
import shutil
import tempfile
import threading

import _actions
import _settings
from _call import CallError
from _egress import Egress
from _goal import pursue
from _session import Session

START = 40  # seconds in which driver and browser have to start
STOP = 5  # seconds in which they have to end
CALL = 300  # seconds for the actions of a call; a goal has three times that

_EXECUTABLES = "chromium-headless-shell chromium chromium-browser google-chrome-stable google-chrome microsoft-edge-stable".split()
_INSTALL = "python -m pip install -U playwright && python -m playwright install chromium"

_lock = threading.Lock()
_browser = None


def automate(request):
    """Carry out a request; what goes wrong on a page is part of the reply."""
    try:
        asked = _actions.parse(request)
        _permit(asked)
    except CallError as e:
        prefix = "browser_automation: " if e.code == "invalid_request" else ""
        raise CallError(e.code, prefix + str(e), e.missing) from None
    return _the_browser().carry_out(asked)


def _permit(asked):
    """Refuse what this process may not do, whatever the page."""
    if asked.get("session"):
        raise CallError(
            "denied", "the stored login %.40s is not part of an export; leave session out for a fresh browser" % asked["session"]
        )
    for i, action in enumerate(asked["actions"]):
        reason = _actions.forbidden(action)
        if reason:
            raise CallError("denied", "actions[%d]: %s" % (i, reason))


def _the_browser():
    global _browser
    with _lock:
        if _browser is None:
            _browser = Browser(_playwright())
        return _browser


def _playwright():
    """The module playwright.async_api, of a version that can do what is needed."""
    try:
        module = importlib.import_module("playwright.async_api")
    except ImportError:
        raise CallError("unavailable", "browser_automation needs Playwright: " + _INSTALL, "playwright") from None
    if "mode" not in inspect.signature(module.Page.aria_snapshot).parameters:
        raise CallError("unavailable", "browser_automation needs Playwright 1.60 or later: " + _INSTALL, "playwright")
    return module


class Browser:
    """The event loop of the browser's thread, with what lives in it."""

    def __init__(self, playwright):
        self._playwright = playwright
        self._driver = self._browser = self._session = self._turn = self._egress = None
        self._home = tempfile.mkdtemp(prefix="browser-")
        self._notes = []
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        atexit.register(self.close)

    def carry_out(self, asked):
        """The reply to a request; calls of several threads are carried out one after the other."""
        return asyncio.run_coroutine_threadsafe(self._carry_out(asked), self._loop).result()

    async def _carry_out(self, asked):
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            session = await self._ready()
            if asked.get("goal"):
                return await pursue(session, asked, 3 * CALL)
            return await session.do(asked["actions"], CALL)

    async def _ready(self):
        """A session of a browser that is alive."""
        if self._browser and self._browser.is_connected():
            return self._session
        await self._stop()
        try:
            await asyncio.wait_for(self._start(), START)
        except asyncio.TimeoutError:
            await self._stop()
            raise CallError("unavailable", "browser_automation: the browser did not start within %d seconds" % START) from None
        except self._playwright.Error as e:
            await self._stop()
            raise CallError("unavailable", "browser_automation: the browser does not start: " + _first_line(e)) from None
        self._session = Session(self._playwright, self._browser, self._egress, self._notes)
        return self._session

    async def _start(self):
        self._driver = await self._playwright.async_playwright().start()
        executable = _executable(self._driver.chromium.executable_path)
        self._egress = Egress()
        proxy = {"server": await self._egress.start(), "bypass": "<-loopback>"}
        sandbox = not hasattr(os, "geteuid") or os.geteuid() != 0  # Chromium's own does not work for root
        try:
            await self._launch(executable, proxy, sandbox)
        except self._playwright.Error as e:
            if not sandbox or "sandbox" not in str(e).lower():
                raise
            await self._launch(executable, proxy, False)
            self._notes.append("Chromium runs without its own sandbox, which this system does not allow")

    async def _launch(self, executable, proxy, sandbox):
        self._browser = await self._driver.chromium.launch(
            executable_path=executable,
            proxy=proxy,
            chromium_sandbox=sandbox,
            env=self._environment(),
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=START * 1000,
            args=[
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-sync",
                "--disable-background-networking",
                "--disable-component-update",
                "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # no way around the proxy
            ],
        )

    def _environment(self):
        """The environment of the browser: none of ours, so that no key is in it."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "TEMP") if name in os.environ}
        return {**kept, "HOME": self._home}

    async def _stop(self):
        if self._egress:
            self._egress.close()
        for ending in [self._browser and self._browser.close, self._driver and self._driver.stop]:
            try:
                if ending:
                    await asyncio.wait_for(ending(), STOP)
            except (self._playwright.Error, asyncio.TimeoutError, OSError):
                pass  # it has ended already, or ends with the process
        self._driver = self._browser = self._session = self._egress = None

    def close(self):
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(3 * STOP)
        except Exception:
            pass  # the process ends, and its pipes to the driver with it
        shutil.rmtree(self._home, ignore_errors=True)


def _executable(own):
    """The Chromium to start: the one that is named, Playwright's own, or one on PATH."""
    named = _settings.get("AGENTFACTORY_CHROMIUM")
    if named:
        found = shutil.which(named)
        if not found:
            message = "there is no browser %s; set AGENTFACTORY_CHROMIUM to a Chromium" % named
            raise CallError("unavailable", message, "AGENTFACTORY_CHROMIUM")
        return found
    if os.path.exists(own):
        return None  # which Playwright knows itself
    found = next(filter(None, map(shutil.which, _EXECUTABLES)), None)
    if not found:
        message = "there is no Chromium: python -m playwright install chromium, or set AGENTFACTORY_CHROMIUM to one"
        raise CallError("unavailable", message, "AGENTFACTORY_CHROMIUM")
    return found


def _first_line(error):
    return " ".join(str(error).split("\n")[0].split())[:300]
