//! A PostgreSQL of a test's own.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Process, command};

/// A PostgreSQL server on a free port, with an empty database of its user `shop`; it and its files end with it.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    directory: TempDir,
}

impl Postgres {
    /// Starts one, and waits until it takes connections.
    pub async fn start() -> Self {
        let mut postgres = Self::initialized();
        postgres.serve().await;
        postgres
    }

    /// Gives it a certificate and its key, and the authority of its clients' certificates, all in PEM; from now on it takes
    /// connections with TLS alone, from those whom `access` lets in, as `pg_hba.conf` has it: `scram-sha-256`.
    pub async fn serve_by_tls(&mut self, certificate: &str, key: &str, authority: &str, access: &str) {
        let access = format!("hostssl all all all {access}\nhostssl replication all all {access}\n");
        for (name, content) in [
            ("server.crt", certificate),
            ("server.key", key),
            ("clients.crt", authority),
            ("pg_hba.conf", &access),
            ("postgresql.auto.conf", "ssl = on\nssl_ca_file = 'clients.crt'\n"),
        ] {
            let file = self.directory.path().join("data").join(name);
            std::fs::write(&file, content).expect("a file can be written");
            std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("the file is ours");
            if is_root() {
                run(Command::new("chown").arg("postgres:").arg(&file));
            }
        }
        self.stop().await;
        self.serve().await;
    }

    fn initialized() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let password = directory.path().join("password");
        std::fs::write(&password, "s3cret\n").expect("a file can be written");
        if is_root() {
            // The server refuses to run as root.
            run(Command::new("chown").args(["-R", "postgres:"]).arg(directory.path()));
        }
        let mut initdb = server_command("initdb");
        initdb.arg("--pgdata").arg(directory.path().join("data")).arg("--pwfile").arg(&password);
        initdb.args([
            "--username=shop",
            "--auth=scram-sha-256",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
        ]);
        run(&mut initdb);
        Self { process: None, port: free_port(), directory }
    }

    /// Starts a standby of it, which follows it by streaming, and waits until it can be read.
    pub async fn standby(&self) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        if is_root() {
            run(Command::new("chown").arg("postgres:").arg(directory.path()));
        }
        let mut copy = server_command("pg_basebackup");
        copy.arg("--pgdata").arg(directory.path().join("data")).args(["--dbname", &self.url("127.0.0.1")]);
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        run(&mut copy);
        let mut standby = Self { process: None, port: free_port(), directory };
        standby.serve().await;
        standby
    }

    /// Makes a standby a primary, and waits until it is one.
    pub fn promote(&self) {
        self.execute("SELECT pg_promote(wait => true)");
    }

    /// Waits until a standby has all that was committed so far.
    pub fn wait_for_standby(&self) {
        self.execute(
            "DO $$ BEGIN
                WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()) LOOP
                    PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
                END LOOP;
            END $$",
        );
    }

    /// Its URL, as `DATABASE_URL` takes it; `host` is a name or an address of this machine.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        format!("postgres://shop:s3cret@{host}:{}/postgres", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL in it, as its owner, who may write whatever the default is.
    pub fn execute(&self, sql: &str) {
        let mut psql = server_command("psql");
        psql.env("PGOPTIONS", "-c default_transaction_read_only=off");
        psql.args(["-v", "ON_ERROR_STOP=1", "-c", sql, &self.url("127.0.0.1")]);
        run(&mut psql);
    }

    /// Takes it away, with all its connections (a "fast" shutdown); its files stay.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(Signal::INT);
            process.exit().await;
        }
    }

    /// Ends it without a shutdown (SIGQUIT): it recovers from its log when it is brought up again.
    pub async fn end_at_once(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(Signal::QUIT);
            process.exit().await;
        }
    }

    /// When it is brought up again, it is on another port.
    pub fn move_away(&mut self) {
        self.port = free_port();
    }

    /// Brings it (back) up, on its port.
    pub async fn serve(&mut self) {
        let mut server = server_command("postgres");
        server.arg("-D").arg(self.directory.path().join("data"));
        server.arg("-k").arg(self.directory.path());
        server.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        let process = Process::spawn("postgres", server);
        // A standby accepts read-only connections.
        process.line("database system is ready to accept").await;
        self.process = Some(process);
    }
}

/// A `PgBouncer` in front of a server, which keeps a session for each client; it ends with this value.
#[derive(Debug)]
pub struct PgBouncer {
    process: Option<Process>,
    port: u16,
    /// Of the server behind it.
    server_port: u16,
    directory: TempDir,
}

impl PgBouncer {
    /// Starts one as k8s/base/README.md says, with room for three replicas, and waits until it takes connections. It tries a
    /// server that was away again after a second, where its default is fifteen.
    pub async fn start(postgres: &Postgres) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        std::fs::write(directory.path().join("users"), "\"shop\" \"s3cret\"\n")
            .expect("a file can be written");
        let mut bouncer = Self { process: None, port: free_port(), server_port: postgres.port(), directory };
        bouncer.limit(24);
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres:"]).arg(bouncer.directory.path()));
        }
        bouncer.serve().await;
        bouncer
    }

    /// The URL of the server behind it, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://shop:s3cret@127.0.0.1:{}/postgres", self.port)
    }

    /// From now on it begins no session more where it has so many with the server; who comes then waits.
    pub fn limit(&self, sessions: usize) {
        let Self { port, server_port, directory, .. } = self;
        let users = directory.path().join("users");
        let settings = format!(
            "[databases]\npostgres = host=127.0.0.1 port={server_port}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = session\n\
             ignore_startup_parameters = extra_float_digits\n\
             default_pool_size = {sessions}\nserver_login_retry = 1\n",
            users.display(),
        );
        std::fs::write(directory.path().join("pgbouncer.ini"), settings).expect("a file can be written");
        if let Some(process) = &self.process {
            process.signal(Signal::HUP);
        }
    }

    /// Ends it without a word to its clients.
    pub async fn end_at_once(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(Signal::KILL);
            process.exit().await;
        }
    }

    /// Brings it (back) up, on its port.
    pub async fn serve(&mut self) {
        let program = Path::new("/usr/sbin/pgbouncer");
        assert!(program.exists(), "PgBouncer is not installed: `apt-get install pgbouncer`");
        let mut command = as_postgres(program.to_owned());
        command.arg(self.directory.path().join("pgbouncer.ini"));
        let process = Process::spawn("pgbouncer", command);
        process.line("process up").await;
        self.process = Some(process);
    }
}

/// PostgreSQL takes no port 0: one that was free a moment ago will do.
fn free_port() -> u16 {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.expect("there is a free port").port()
}

/// A program of the newest server that is installed, as a user that it runs as.
fn server_command(program: &str) -> Command {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL's server is installed: `apt-get install postgresql`")
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    folders.sort();
    as_postgres(folders.pop().expect("a version of PostgreSQL's server").join(program))
}

/// A program that refuses to run as root.
fn as_postgres(program: PathBuf) -> Command {
    if is_root() {
        // Bound to this process by the same program that makes it another user's.
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL", "--"]);
        // libpq looks for certificates at home, and takes one that it may not read for a mistake.
        command.env("HOME", "/nonexistent");
        command.arg(program);
        command
    } else {
        command(program)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().expect("the program can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
