"""Settings: from the environment (``AFINA_*``) or the command line, checked once at start."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """The folder for projects, runs and models when ``AFINA_HOME`` is not set."""
    if sys.platform == "win32":
        return Path.home() / "AppData" / "Local" / "Afina"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Afina"
    return Path.home() / ".afina"


class Settings(BaseSettings):
    """Everything that can be set from outside. Each field is ``AFINA_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix="AFINA_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="Where projects, runs and models live.")
    models_dir: Path | None = Field(default=None, description="Where base models live; `models` in home by default.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=7860, ge=1, le=65535, description="Port to listen on.")
    password: SecretStr | None = Field(default=None, description="Password of the studio; needed off this computer.")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; SQLite in home by default.")
    public_hosts: str = Field(default="", description="Names that the studio is reached by, separated by commas.")
    trusted_proxies: str = Field(
        default="", description="Addresses of proxies that may say who a visitor is, separated by commas."
    )
    max_upload_mb: int = Field(default=200, ge=1, description="Largest upload by a browser, in megabytes.")
    max_file_mb: int = Field(default=1000, ge=1, description="Largest file of examples that is read, in megabytes.")
    chat_idle_minutes: float = Field(default=10.0, gt=0, description="Minutes after which an idle chat model unloads.")
    runs_at_once: int = Field(
        default=1, ge=1, le=16, description="Runs that train at the same time, memory permitting."
    )
    exam_after_training: bool = Field(
        default=True, description="Whether the final exam follows each training by itself, where the studio is open."
    )
    tune_encoder: bool = Field(
        default=True, description="Whether a sentence encoder is tuned to the examples of each run, in the background."
    )
    disk_reserve_mb: int = Field(
        default=200, ge=0, description="Megabytes of disk that a run leaves free; else it pauses."
    )
    hf_token: SecretStr | None = Field(default=None, description="Hugging Face token for gated models.")
    hf_endpoint: str | None = Field(default=None, description="Address of a Hugging Face mirror.")

    @property
    def models_path(self) -> Path:
        """Folder of base models, one subfolder a model."""
        return self.models_dir or self.home / "models"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{(self.home / 'afina.db').as_posix()}"

    @property
    def uploads(self) -> Path:
        """Folder of what browsers upload, until it is read."""
        return self.home / "uploads"

    @property
    def public_host_names(self) -> tuple[str, ...]:
        """The names of ``public_hosts``."""
        return tuple(filter(None, (name.strip() for name in self.public_hosts.split(","))))

    @property
    def trusted_proxy_addresses(self) -> tuple[str, ...]:
        """The addresses of ``trusted_proxies``."""
        return tuple(filter(None, (address.strip() for address in self.trusted_proxies.split(","))))


def assets_dir() -> Path:
    """The folder of samples and brand files: inside an installed wheel, or beside ``studio/`` in a checkout."""
    packaged = Path(__file__).parent / "_assets"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "assets"
