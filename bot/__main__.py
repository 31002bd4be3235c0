"""The command line: ``python -m bot <command>``."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bot import __version__
from bot import settings as all_settings
from bot.errors import BotError

USAGE_ERROR = 2


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status (2: wrong usage or settings)."""
    _keep_standard_streams()
    command, *rest = argv or ["--help"]
    chosen = COMMANDS.get(command)
    if chosen is None:
        parser = argparse.ArgumentParser(
            prog="python -m bot",
            description="Neo for Teams.",
            epilog="\n".join(f"  {name:9}{about}" for name, (_, about) in COMMANDS.items()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("command", choices=COMMANDS, metavar="command")
        parser.parse_args([command])
        return USAGE_ERROR
    try:
        return chosen[0](rest)
    except BotError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR


def _keep_standard_streams() -> None:
    """Where one of the three is closed, nothing else may get its number: a socket, say."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 -- standard error
        pass
    os.close(number)


def until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    """Run ``work`` with an event that Ctrl-C and SIGTERM set; a second Ctrl-C ends it at once."""

    async def run() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked() -> None:
            stop.set()
            loop.remove_signal_handler(signal.SIGINT)

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, asked)
            except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
                break
        return await work(stop)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(run())
    except KeyboardInterrupt:
        return 130


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop; there is none for Windows."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 -- see above

    return uvloop.new_event_loop


def _parser(command: str, about: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m bot {command}", description=about)


def _run(argv: Sequence[str]) -> int:
    parser = _parser("run", "Serve Microsoft Teams.")
    parser.add_argument(
        "--no-worker", action="store_true", help="answer only; jobs run in `worker` processes"
    )
    options = parser.parse_args(argv)
    from bot.serve import serve  # noqa: PLC0415 -- `parse` and `package` start without all of it

    settings = all_settings.load()
    return until_stopped(lambda stop: serve(settings, stop, worker=not options.no_worker))


def _worker(argv: Sequence[str]) -> int:
    _parser("worker", "Run jobs alone: watching, delivering, redrawing.").parse_args(argv)
    from bot.serve import work  # noqa: PLC0415 -- see above

    settings = all_settings.load()
    return until_stopped(lambda stop: work(settings, stop))


def _demo(argv: Sequence[str]) -> int:
    parser = _parser("demo", "The bot in Microsoft's Agents Playground, with an embedded Neo.")
    parser.add_argument("--port", type=int, default=0, help="the Playground's port (default: free)")
    parser.add_argument("--seed", type=int, default=1, help="which world the embedded Neo shows")
    parser.add_argument("--pace", type=float, help="seconds between new runs in the embedded Neo")
    options = parser.parse_args(argv)
    from bot.demo import demo  # noqa: PLC0415 -- see above

    settings = all_settings.load()
    return until_stopped(
        lambda stop: demo(
            settings, stop, port=options.port, seed=options.seed, pace=options.pace, say=_say
        )
    )


def _chat(argv: Sequence[str]) -> int:
    parser = _parser("chat", "The bot in this terminal, with an embedded Neo.")
    parser.add_argument("--seed", type=int, default=1, help="which world the embedded Neo shows")
    parser.add_argument("--pace", type=float, help="seconds between new runs in the embedded Neo")
    options = parser.parse_args(argv)
    from bot.terminal import chat  # noqa: PLC0415 -- see above

    settings = all_settings.load()
    return until_stopped(lambda stop: chat(settings, stop, seed=options.seed, pace=options.pace))


def _sandbox(argv: Sequence[str]) -> int:
    from bot.app import now  # noqa: PLC0415 -- see above
    from bot.sandbox.command import main as sandbox  # noqa: PLC0415 -- see above

    return sandbox(argv, now=now)


def _parse(argv: Sequence[str]) -> int:
    from bot.app import now  # noqa: PLC0415 -- see above
    from bot.chat.parse_command import main as parse  # noqa: PLC0415 -- see above

    return parse(argv, now=now, out=sys.stdout, err=sys.stderr)


def _package(argv: Sequence[str]) -> int:
    from bot.package import main as package  # noqa: PLC0415 -- see above

    return package(argv, settings=all_settings.load(), version=__version__, say=_say)


def _doctor(argv: Sequence[str]) -> int:
    parser = _parser("doctor", "Check every setting, the database, Neo and Microsoft.")
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
    options = parser.parse_args(argv)
    from bot.doctor import doctor  # noqa: PLC0415 -- see above

    return asyncio.run(doctor(say=_say, as_json=options.json))


def _ledger(argv: Sequence[str]) -> int:
    from bot.ledger_command import main as ledger  # noqa: PLC0415 -- see above

    if sys.stdout is None:
        print("There is no standard output to write to.", file=sys.stderr)
        return USAGE_ERROR
    status = asyncio.run(ledger(argv, load=all_settings.load, out=sys.stdout, err=sys.stderr))
    try:
        sys.stdout.flush()
    except OSError:
        # It is told already. What nobody takes must not be tried once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _say(line: str) -> None:
    print(line, flush=True)


COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "run": (_run, "serve Microsoft Teams"),
    "worker": (_worker, "run jobs alone, beside `run --no-worker`"),
    "demo": (_demo, "try it: Microsoft's Agents Playground and an embedded Neo, on this machine"),
    "chat": (_chat, "try it in the terminal, without a browser"),
    "sandbox": (_sandbox, "the embedded Neo alone"),
    "parse": (_parse, "show what the bot understands"),
    "package": (_package, "make the Teams app package"),
    "ledger": (_ledger, "check or export the record of decisions"),
    "doctor": (_doctor, "check settings, database, Neo and Microsoft"),
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
