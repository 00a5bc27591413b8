"""The database that a ledger is kept in: a SQLite file, or PostgreSQL where several machines share it."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.machine.packages import install_extra
from xtts_finetune.records.atomic import read_json, write_json_atomic
from xtts_finetune.records.run_folder import RunFolder

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study import Study

# Whoever is not heard of for so long has lost its task; it is heard of this many times as often.
GRACE_SECONDS, BEATS = 120, 5
# A database that answers later than this is not there.
CONNECT_SECONDS = 15
# SQLite lets one process write at a time; others wait their turn for so long.
TURN_SECONDS = 60
# Tables that several processes make at once are there after a moment.
ATTEMPTS = 5
# SQLAlchemy's name for PostgreSQL by psycopg 3.
PSYCOPG = "postgresql+psycopg"


def storage_url(run: RunFolder, wished: str | None) -> str:
    """The database's URL for SQLAlchemy: the wished one, or the run's own SQLite file.

    Raises UserError for a URL of another kind.
    """
    if wished is None:
        return f"sqlite:///{run.ledger.as_posix()}"
    scheme, colon, rest = wished.partition("://")
    if colon and scheme in ("postgresql", "postgres", PSYCOPG):
        return f"{PSYCOPG}://{rest}"
    if colon and scheme == "sqlite" and rest.strip("/"):
        return wished
    raise UserError(
        f"--storage: {without_password(wished)}: expected postgresql://USER@HOST/DATABASE or sqlite:///FILE"
    )


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    scheme, _, rest = url.rpartition("://")
    login, at, place = rest.rpartition("@")
    user = login.partition(":")[0]
    return f"{scheme}://{user}{at}{place}" if scheme else url


def open_storage(url: str, grace_seconds: int = GRACE_SECONDS, on_lost: Any = None) -> RDBStorage:
    """Open the database; its tables are made where they are missing.

    `on_lost(study, trial)` is called for each trial whose worker was not heard of for `grace_seconds`.

    Raises UserError when it cannot be reached, or its driver is not installed.
    """
    from optuna.exceptions import StorageInternalError  # noqa: PLC0415  heavy
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    for attempt in range(ATTEMPTS):
        try:
            return _open(url, grace_seconds, on_lost)
        except ImportError:
            install = install_extra("postgresql", "psycopg[binary]")
            raise UserError(f"PostgreSQL needs psycopg: {install}") from None
        except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
            reason = " ".join(str(error.__cause__ or error).split())[:300]
            # Another process makes the same tables at this moment, and Optuna does not expect that.
            if not any(word in reason for word in ("already exists", "duplicate key", "UNIQUE")):
                break
            time.sleep(1.0 + attempt)
    # Trials keep their records and checkpoints in folders of their own: a new ledger finds them there.
    cure = "; move the file away, and run the command again" if url.startswith("sqlite") else ""
    raise UserError(f"{without_password(url)}: the ledger cannot be opened: {reason}{cure}")


def _open(url: str, grace_seconds: int, on_lost: Any) -> RDBStorage:
    import optuna  # noqa: PLC0415  heavy
    from optuna.exceptions import ExperimentalWarning  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Heartbeats are what Optuna calls experimental; tests hold them to what we need. For good, as threads use them.
    warnings.simplefilter("ignore", ExperimentalWarning)
    sqlite = url.startswith("sqlite")
    connect = {"timeout": TURN_SECONDS} if sqlite else {"connect_timeout": CONNECT_SECONDS}
    return optuna.storages.RDBStorage(
        url,
        engine_kwargs={"connect_args": connect, "pool_pre_ping": True},
        heartbeat_interval=max(1, grace_seconds // BEATS),
        grace_period=grace_seconds,
        heartbeat_stale_trial_callback=on_lost,
    )


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Say it in one line when the database cannot be reached any more (WorkFailed)."""
    from optuna.exceptions import StorageInternalError  # noqa: PLC0415  heavy
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise WorkFailed(
            f"{without_password(url)}: the ledger cannot be reached: {reason}; what was trained is kept, and the same "
            "command continues it"
        ) from error


def name_in_ledger(run: RunFolder, name: str, make: bool) -> str | None:
    """What the run is called in a ledger that other runs may share; None where it has no name yet.

    It lies in the run's folder, so that only who sees the same folder works for it. Raises UserError when it cannot
    be read.
    """
    if make and not run.ledger_id.is_file():
        run.root.mkdir(parents=True, exist_ok=True)
        write_json_atomic(run.ledger_id, {"id": uuid.uuid4().hex[:16]})
    if not run.ledger_id.is_file():
        return None
    cure = "remove it, and start the command anew"
    return f"{name} {read_json(run.ledger_id, lambda it: str(it['id']), 'damaged', cure)}"


class SharedStudy:
    """An Optuna study in a database that other processes may use, too. Methods raise WorkFailed when it is away."""

    def __init__(self, url: str, name: str, grace_seconds: int = GRACE_SECONDS, on_lost: Any = None) -> None:
        """Open the study of this name, or make it. Raises UserError when the database cannot be reached."""
        import optuna  # noqa: PLC0415  heavy

        self.url = url
        self._storage = open_storage(url, grace_seconds, on_lost)
        with reaching(url):
            self._study: Study = optuna.create_study(storage=self._storage, study_name=name, load_if_exists=True)

    def close(self) -> None:
        """Let the database go."""
        self._storage.remove_session()
        self._storage.engine.dispose()
