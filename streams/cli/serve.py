"""`paper serve`: the HTTP service, with the console for people and APIs for programs that do not speak Kafka."""

from __future__ import annotations

from pathlib import Path

import typer

from streams.cli.options import LOG_LEVEL

GRACE_S = 3
ALL_ADDRESSES = "0.0.0.0"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(serve)


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on; another than loopback needs a certificate."),
    port: int = typer.Option(None, min=1, max=65_535, help="Port to listen on; default: SERVE_PORT, 8800."),
    in_container: bool = typer.Option(
        False, "--in-container", help="Listen on all addresses of a container whose port is published on loopback."
    ),
    certificate: Path = typer.Option(None, help="TLS certificate, a PEM file."),
    certificate_key: Path = typer.Option(None, help="Private key of the certificate, a PEM file."),
    log_level: str = LOG_LEVEL,
) -> None:
    """Serves the console, Alpaca's trading API under /alpaca, and the service's own under /v1, in the foreground.

    `paper access key ACCOUNT` makes the key with which a person signs in, or a bot trades. SIGTERM or Ctrl-C stops it.
    """
    import sys

    import uvicorn

    from infra.log_lines import begin_logging
    from infra.settings import get_settings
    from streams.errors import InputError
    from streams.serve.serve_app import serve_app, started_view

    if in_container:
        host = ALL_ADDRESSES
    elif host not in LOOPBACK and (certificate is None or certificate_key is None):
        raise InputError(
            f"--host {host}: keys would travel in the open; give --certificate and --certificate-key, or listen on "
            "127.0.0.1"
        )
    settings = get_settings()
    port = port or settings.serve_port
    begin_logging(settings, log_level)
    view, codec = started_view(settings)
    scheme = "http" if certificate is None else "https"
    shown = f"{scheme}://{LOOPBACK[0] if in_container else host}:{port}"
    print(f"serves {shown}/alpaca and {shown}/v1; make a key with `paper access key ACCOUNT`", file=sys.stderr)
    print(f"the console: {shown}", file=sys.stderr)
    try:
        uvicorn.run(
            serve_app(settings, view, codec),
            host=host,
            port=port,
            ssl_certfile=certificate,
            ssl_keyfile=certificate_key,
            log_config=None,
            access_log=False,
            server_header=False,
            # A stream of events never ends by itself.
            timeout_graceful_shutdown=GRACE_S,
        )
    finally:
        view.stop()
