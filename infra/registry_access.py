"""The registry's one user: only the pipeline registers schemas, everybody on this machine may read them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import SettingsError
from infra.private_files import make_secret
from infra.private_home import private_home
from infra.settings import Settings

USER = "pipeline"


def password_file(settings: Settings) -> Path:
    """Returns the path of the local registry's password. `paper down --purge` deletes it with the schemas."""
    return settings.paper_home / "registry" / "credentials" / USER


def user_info(settings: Settings) -> str:
    """Returns user and password for the registry as `user:password`; empty if none is known.

    They come from SCHEMA_REGISTRY_URL, else from the file that the local registry's first start makes. Raises
    SettingsError if that file can't be read.
    """
    if urlsplit(settings.schema_registry_url).username:
        return ""  # The client takes them from the URL itself.
    path = password_file(settings)
    try:
        return f"{USER}:{path.read_text().strip()}"
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(
            f"the registry's password: {path}: {error.strerror}; make the file readable, or put user and password into "
            "SCHEMA_REGISTRY_URL"
        ) from error


def registry_tls(settings: Settings) -> dict[str, str]:
    """Returns the properties of a registry client for the files that REGISTRY_*_FILE name."""
    files = {
        "ssl.ca.location": settings.registry_ca_file,
        "ssl.certificate.location": settings.registry_certificate_file,
        "ssl.key.location": settings.registry_key_file,
    }
    return {name: file for name, file in files.items() if file}


def without_user(url: str) -> str:
    """Returns a URL without user and password, for a request that needs neither."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def registry_password(settings: Settings) -> str:
    """Returns the password of the local registry's user. It is made at the first call."""
    private_home(settings)
    return make_secret(password_file(settings))
