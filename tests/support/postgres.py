# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL for tests: Debian's, one server a session on loopback, a database a test, stopped by its pid.

    def test_x(postgres: PostgresServer): ...             # the server, with an empty database of the test's own
    async def test_x(store_url: DatabaseUrl): ...             # once with SQLite, once with PostgreSQL

`store_url` is migrated already: a copy of one that was migrated once. The server refuses to run as root, so there it
runs as `nobody`; it does not wait for the disk, and does not outlive the session.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion_gateway.store.url import DatabaseUrl
from support.brokers import free_ports
from support.migrated import migrate, put

#: Seconds that the server has to answer, or to end.
PATIENCE = 60.0
#: Debian keeps the server's programs in a folder for each version.
_HOMES = "/usr/lib/postgresql/*/bin"
_NOBODY = 65534
USER = "ganglion"
#: Bytes that the databases of one test take at most.
_ROOM = 512 * 1024 * 1024


class PostgresServer:
    """One server process.

    Attributes:
        port: TCP port on 127.0.0.1.
        folder: Its files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self._data = folder / "data"
        self._made = 0
        self._migrated = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None while it is down."""
        return None if self._process is None else self._process.pid

    def make(self) -> None:
        """Makes its files."""
        self._data.mkdir()
        if os.geteuid() == 0:
            os.chown(self._data, _NOBODY, _NOBODY)
        words = [
            "-D",
            str(self._data),
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
            "--no-instructions",
        ]
        done = subprocess.run([program("initdb"), *words], capture_output=True, text=True, timeout=PATIENCE, **_who())
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Starts it, again on the same port and files; returns when it answers."""
        known = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        known |= {"shared_buffers": "16MB", "max_connections": 60, "autovacuum": "off", "jit": "off"}
        words = [f"-c{name}={value}" for name, value in known.items()]
        with (self.folder / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", str(self._data), *words], stdout=log, stderr=log, **_who()
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "postgres.log").read_text()[-3000:]
            assert time.monotonic() < deadline, "the server is late"
            time.sleep(0.05)

    def _answers(self) -> bool:
        words = ["-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", "postgres"]
        return subprocess.run([program("pg_isready"), *words], timeout=PATIENCE).returncode == 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every connection at once (PostgreSQL 15, section 19.5); SIGQUIT as a crash would."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def database(self, *, migrated: bool = False) -> DatabaseUrl:
        """A new database, empty, or with the tables of the newest revision."""
        if migrated and not self._migrated:
            template = self._create("migrated", "template0")
            migrate(template)
            self._migrated = True
        self._made += 1
        return self._create(f"test{self._made}", "migrated" if migrated else "template0")

    def _create(self, name: str, template: str) -> DatabaseUrl:
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return DatabaseUrl.parse(self.url(name))

    def drop(self, url: DatabaseUrl) -> None:
        """No such database any more."""
        self.sql(f"DROP DATABASE IF EXISTS {url.parameters['dbname']} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """What a statement answers, asked beside the gateway."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return list(cursor.fetchall()) if cursor.description else []


def program(name: str) -> str:
    """Path of one of PostgreSQL's programs, the newest version's first.

    Raises:
        FileNotFoundError: it is not installed; the message says how to.
    """
    for folder in sorted(Path("/").glob(_HOMES.lstrip("/")), reverse=True):
        if (path := folder / name).exists():
            return str(path)
    if found := shutil.which(name):
        return found
    raise FileNotFoundError(f"the tests need {name}: apt-get install postgresql")


def _memory() -> str | None:
    """A folder in memory with room for some databases; None for a disk."""
    try:
        known = os.statvfs("/dev/shm")
    except FileNotFoundError:
        return None
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) and known.f_bavail * known.f_frsize > _ROOM else None


def _who() -> dict[str, int]:
    return {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def _postgres() -> Iterator[PostgresServer]:
    # pytest's own folders let nobody but their owner pass
    with tempfile.TemporaryDirectory(prefix="ganglion-postgres-", dir=_memory()) as folder:
        os.chmod(folder, 0o755)
        server = PostgresServer(Path(folder))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres(_postgres: PostgresServer) -> PostgresServer:
    """The server, up."""
    if _postgres.pid is None:
        _postgres.start()
    return _postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseUrl]:
    """Where a database without rows is: once SQLite's, once PostgreSQL's."""
    if request.param == "sqlite":
        put(tmp_path / "gateway.db")
        yield DatabaseUrl.file(tmp_path / "gateway.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.database(migrated=True)
    yield url
    server.drop(url)
