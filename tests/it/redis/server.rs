//! A Redis of a test's own: on a free port, in a folder of its own, gone with the test, whatever ends it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use liveroom::store::redis::{Durability, RedisOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The server's program: another one, such as valkey-server, can be named.
const PROGRAM: &str = "LIVEROOM_TEST_REDIS";

/// Ends the server when this process ends, however it ends: the pipe closes then.
const GUARD: &str = r#""$@" >>redis.log 2>&1 & pid=$!; echo $pid; read -r _; kill -9 $pid; wait"#;

pub struct RedisServer {
    dir: TempDir,
    port: u16,
    settings: Vec<String>,
    running: Option<Running>,
}

struct Running {
    guard: Child,
    pid: Pid,
}

impl RedisServer {
    /// `settings` as on the command line: `["--appendonly", "yes"]`.
    pub fn start(settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = settings.iter().map(|&word| word.to_owned()).collect();
        let mut server = Self { dir: tempfile::tempdir().unwrap(), port, settings, running: None };
        server.begin();
        server
    }

    /// Starts it again where it was, after [`Self::kill`].
    pub fn restart(&mut self) {
        self.kill();
        self.begin();
    }

    fn begin(&mut self) {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| "redis-server".to_owned());
        let found = Command::new(&program).arg("--version").output();
        assert!(found.is_ok(), "{program} is needed and not here: apt install redis-server, or name one in {PROGRAM}");
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &program, "--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--enable-debug-command", "yes"])
            .args(&self.settings)
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        self.running = Some(Running { guard, pid });
        crate::stage::until("redis answers", || self.said(&["PING"]).is_some_and(|pong| pong == "PONG"));
    }

    /// One command, and its answer as text; `None` if there was none, or an error.
    pub fn said(&self, words: &[&str]) -> Option<String> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection_with_timeout(std::time::Duration::from_millis(500)).ok()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).ok()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Options for a log that nobody else uses.
    pub fn options(&self) -> RedisOptions {
        static LOGS: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("test{}", LOGS.fetch_add(1, Ordering::Relaxed));
        RedisOptions { prefix, durability: Durability::Memory, ..RedisOptions::new(self.url().parse().unwrap()) }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.running.as_ref().unwrap().pid, signal).unwrap();
    }

    /// As a power switch does, for this process.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            // Its guard does it: the number is still the server's there.
            drop(running.guard.stdin.take());
            running.guard.wait().unwrap();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One server for all tests that do it no harm.
pub fn shared() -> &'static RedisServer {
    static SHARED: LazyLock<RedisServer> = LazyLock::new(|| RedisServer::start(&[]));
    &SHARED
}
