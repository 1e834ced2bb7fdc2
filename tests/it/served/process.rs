//! The real program as a process of its own: started, killed, starved and started again on the same files and ports.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use liveroom::server::config::Tokens;
use liveroom::server::development::Development;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::peer::fresh_id;
use super::{PATIENCE, Reply, http, tokens};

/// The program.
const LIVEROOM: &str = env!("CARGO_BIN_EXE_liveroom");

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Words before the program: a shell that takes something away from it first.
    pub wrapped: Vec<String>,
    /// Configuration.
    pub set: Vec<(&'static str, String)>,
    /// Where it listened before; anywhere if it did not.
    pub at: Option<Addresses>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub quic: SocketAddr,
    pub ws: SocketAddr,
    pub admin: SocketAddr,
}

/// A server that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    pub at: Addresses,
    dir: PathBuf,
    child: Child,
    log: PathBuf,
}

impl Start {
    /// With what suits a test: small files, and a small wait at the end.
    pub fn new() -> Self {
        Self::default()
            .set("LIVEROOM_STORE__SEGMENT_BYTES", "4194304")
            .set("LIVEROOM_DRAIN__TIMEOUT", "5s")
            .set("LIVEROOM_TOKENS__TTL_MAX", "1h")
    }

    pub fn set(mut self, name: &'static str, value: &str) -> Self {
        self.set.push((name, value.to_owned()));
        self
    }

    pub fn wrapped(mut self, words: &[&str]) -> Self {
        self.wrapped = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub fn at(mut self, at: Addresses) -> Self {
        self.at = Some(at);
        self
    }

    fn command(&self, dir: &Path) -> Command {
        let words: Vec<&str> = self.wrapped.iter().map(String::as_str).chain([LIVEROOM, "serve", "--dev"]).collect();
        let mut command = Command::new(words[0]);
        let [quic, ws, admin] = match self.at {
            Some(Addresses { quic, ws, admin }) => [quic, ws, admin].map(|address| address.to_string()),
            None => ["127.0.0.1:0"; 3].map(str::to_owned),
        };
        command.args(&words[1..]).args(["--quic", &quic, "--ws", &ws, "--admin", &admin, "--data-dir"]).arg(data(dir));
        command.envs(self.set.iter().map(|(name, value)| (*name, value)));
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Starts, and waits until it serves.
    pub fn run(&self, dir: &Path) -> Process {
        let runs = fs::read_dir(dir).unwrap().count();
        let log = dir.join(format!("log-{runs}"));
        let stderr = fs::File::create(&log).unwrap();
        let mut child = self.command(dir).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut find = |name: &str| -> SocketAddr {
            let line = lines.by_ref().map(Result::unwrap).find(|line| line.trim_start().starts_with(name));
            let line = line.unwrap_or_else(|| panic!("it did not start: {}", fs::read_to_string(&log).unwrap()));
            let word = line.split_whitespace().find_map(|word| {
                let word = word.trim_start_matches("ws://").trim_start_matches("http://");
                word.trim_end_matches("/v1/ws").parse().ok()
            });
            word.unwrap_or_else(|| panic!("no address: {line}"))
        };
        let at = Addresses { quic: find("QUIC"), ws: find("WebSocket"), admin: find("API") };
        // Whoever writes into a pipe that nobody holds is killed by it.
        std::thread::spawn(move || lines.for_each(drop));
        Process { at, dir: dir.to_owned(), child, log }
    }

    /// Starts what can't start, and waits for its end.
    pub fn fail(&self, dir: &Path) -> (ExitStatus, String) {
        let Output { status, stderr, .. } = self.command(dir).output().unwrap();
        (status, String::from_utf8(stderr).unwrap())
    }
}

/// Gives the servers of `there`, which have not begun, the keys of those of `here`.
pub fn share_keys(here: &Path, there: &Path) {
    let (from, to) = (data(here).join("dev"), data(there).join("dev"));
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data")
}

impl Process {
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Kills it as a power cut would: nothing of it runs any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// What it said, so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn token(&self, user: &str, role: &str) -> String {
        token(&self.dir, user, role)
    }

    pub async fn operator(&self, method: &str, path: &str, body: Value) -> Reply {
        let call = http::Request::new(self.at.admin, method, path).bearer(&self.token("op", "operator"));
        call.header("Idempotency-Key", &fresh_id().to_string()).json(&body).send().await
    }

    /// A room `r1` and money for its host.
    pub async fn furnish(&self) {
        self.operator("PUT", "/v1/rooms/r1", json!({ "host": "host" })).await.expect(201);
        let money = json!({ "currency": "fen", "amount": 1_000_000_000_i64 });
        self.operator("POST", "/v1/wallets/host/top-ups", money).await.expect(201);
    }

    /// Drafts, schedules and opens in `r1`; gives the activity's number.
    pub async fn open(&self, mut activity: Value) -> u64 {
        activity["sponsor"] = json!("host");
        let drafted = self.operator("POST", "/v1/rooms/r1/activities", activity).await.expect(201);
        let id = drafted["activity"].as_u64().unwrap();
        for step in ["schedule", "open"] {
            self.operator("POST", &format!("/v1/rooms/r1/activities/{id}/{step}"), Value::Null).await.expect(200);
        }
        id
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token that the servers of this directory accept.
pub fn token(dir: &Path, user: &str, role: &str) -> String {
    tokens::plain(&Development::below(&data(dir)).issuer(&Tokens::default()).unwrap(), user, role)
}

/// Audits a stopped server: every invariant holds, every acknowledgement is in the books.
pub fn audit(dir: &Path, acks: &[Value]) {
    audit_of(dir, "--data-dir", data(dir).to_str().unwrap(), acks);
}

/// The same for servers that share a Redis; `dir` is for the acknowledgements.
pub fn audit_store(dir: &Path, url: &str, acks: &[Value]) {
    audit_of(dir, "--store", url, acks);
}

fn audit_of(dir: &Path, what: &str, place: &str, acks: &[Value]) {
    let file = dir.join("acks.ndjson");
    fs::write(&file, acks.iter().map(|ack| format!("{ack}\n")).collect::<String>()).unwrap();
    let mut command = Command::new(LIVEROOM);
    command.args(["audit", what, place, "--acks"]).arg(&file);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (said, why) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{said}\n{why}");
}
