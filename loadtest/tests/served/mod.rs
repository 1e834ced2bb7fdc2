//! Servers for the tester to storm: a development server in this process, and a Redis of the test's own.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use liveroom::engine::Clock;
use liveroom::server::config::Layers;
use liveroom::server::development::Development;
use liveroom::server::{Secrets, Server};

/// A development server of the test's own, on free ports.
pub(crate) async fn server(dir: &tempfile::TempDir) -> Server {
    started(dir, Vec::new()).await
}

/// So many that share a Redis; they sign receipts with one key.
pub(crate) async fn nodes(dirs: &[tempfile::TempDir], redis: &Redis) -> Vec<Server> {
    nodes_with(dirs, redis, &[]).await
}

/// The same, with more that is configured.
pub(crate) async fn nodes_with(
    dirs: &[tempfile::TempDir], redis: &Redis, more: &[(&'static str, String)],
) -> Vec<Server> {
    let mut nodes = Vec::new();
    for dir in dirs {
        let mut flags = vec![
            ("store.redis", format!("redis://127.0.0.1:{}", redis.port)),
            ("store.durability", "memory".to_owned()),
        ];
        flags.extend_from_slice(more);
        if !nodes.is_empty() {
            let key = Development::below(&dirs[0].path().join("data")).receipt_key_file();
            flags.push(("draws.receipt_key_file", key.display().to_string()));
        }
        nodes.push(started(dir, flags).await);
    }
    nodes
}

/// The same, with more that is configured.
pub(crate) async fn started(dir: &tempfile::TempDir, more: Vec<(&'static str, String)>) -> Server {
    let anywhere = || "127.0.0.1:0".to_owned();
    let data_dir = dir.path().join("data").display().to_string();
    let mut flags = vec![
        ("listen.quic", anywhere()),
        ("listen.ws", anywhere()),
        ("listen.admin", anywhere()),
        ("store.data_dir", data_dir),
        ("store.segment_bytes", (4 << 20).to_string()),
        ("engine.presence_every", "1s".to_owned()),
    ];
    flags.extend(more);
    let config = Layers { development: true, file: None, environment: Vec::new(), flags }.load().unwrap();
    let development = Development::below(&config.store.data_dir);
    let secrets = Secrets::load(&config, Some(&development), Clock::real().now()).unwrap();
    Server::start(&config, secrets).await.unwrap()
}

/// Ends with the test.
pub(crate) struct Redis {
    child: Child,
    pub port: u16,
    _dir: tempfile::TempDir,
}

impl Redis {
    /// On a free port.
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(dir.path());
        let child = command.stdout(Stdio::null()).spawn().expect("apt install redis-server");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, port, _dir: dir }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
