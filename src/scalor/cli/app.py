"""``scalor app``: the whole job in a browser."""

import math
from importlib.util import find_spec

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat, PositiveInt

from scalor.cli.parser import Parser
from scalor.errors import UserError

HELP = "open the web app on this machine"


def parser() -> Parser:
    made = Parser(description="Serve a page: drop a video, learn, watch the tracks, put them right, export.")
    made.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="0.0.0.0 lets other machines in, without a password"
    )
    made.add_argument("--port", metavar="N", type=PositiveInt, default=7860, help="port (default: 7860)")
    made.add_argument("--most-mb", metavar="N", type=PositiveInt, default=500, help="largest video in megabytes")
    made.add_argument("--most-minutes", metavar="M", type=PositiveFloat, default=30.0, help="longest time to learn")
    made.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    return made


def run(args: Namespace) -> None:
    if math.isinf(args.most_minutes):
        raise UserError(
            "--most-minutes is inf; a number is wanted, where the page's slider ends; give one, such as 600"
        )
    # Not imported here: its telemetry is switched off before.
    if find_spec("gradio") is None:
        raise UserError("gradio is not installed; the app is made with it; pip install 'scalor[app]'")
    from scalor.app.page import Limits
    from scalor.app.serve import serve

    limits = Limits(megabytes=args.most_mb, learn_minutes=args.most_minutes)
    serve(host=args.host, port=args.port, limits=limits, browser=not args.no_browser)
