"""Serving the page: on this machine alone unless told otherwise, without telemetry, leaving nothing behind."""

import os
import signal
import tempfile
from pathlib import Path

from scalor.app.page import Limits, build


def serve(*, host: str, port: int, limits: Limits, browser: bool) -> None:
    """Serve until interrupted; all that visitors brought and made is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="scalor-app-") as house:
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["GRADIO_TEMP_DIR"] = str(Path(house) / "served")
        page = build(Path(house), limits)
        page.launch(
            server_name=host,
            server_port=port,
            share=False,
            inbrowser=browser,
            allowed_paths=[],
            max_file_size=f"{limits.megabytes}mb",
            enable_monitoring=False,
            ssr_mode=False,
            quiet=True,
            footer_links=[],
            prevent_thread_lock=True,
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing stays behind then either
        print(f"open http://{host}:{port} in a browser; Ctrl-C ends it", flush=True)
        try:
            page.block_thread()
        finally:
            page.close()
