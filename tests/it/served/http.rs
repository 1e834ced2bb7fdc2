//! HTTP/1.1 by hand: requests may be as wrong as a test wants them.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    to: SocketAddr,
    method: &'a str,
    path: &'a str,
    headers: String,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub fn new(to: SocketAddr, method: &'a str, path: &'a str) -> Self {
        Self { to, method, path, headers: String::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.headers, "{name}: {value}\r\n").unwrap();
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// A JSON body; none for null.
    pub fn json(self, body: &Value) -> Self {
        if body.is_null() { self } else { self.header("Content-Type", "application/json").body(body.to_string()) }
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Reply {
        let Self { to, method, path, headers, body } = self;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        exchange(to, &[head.as_bytes(), &body].concat()).await
    }
}

/// Sends bytes and reads until the server closes.
pub async fn exchange(to: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let mut reply = Vec::new();
    let talk = async {
        // A server that has heard enough may answer and close before all is written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut reply).await;
    };
    timeout(PATIENCE, talk).await.expect("the server answers");
    Reply::parse(&reply)
}

pub async fn call(to: SocketAddr, method: &str, path: &str) -> Reply {
    Request::new(to, method, path).send().await
}

pub async fn get(to: SocketAddr, path: &str) -> Reply {
    call(to, "GET", path).await
}

/// A number among the metrics of the server at `admin`.
pub async fn metric(admin: SocketAddr, name: &str) -> u64 {
    let reply = get(admin, "/metrics").await;
    let text = String::from_utf8(reply.body).unwrap();
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix("liveroom_").and_then(|line| line.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(' ') || rest.starts_with("_total "))
    });
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body, if the status is this.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.head, String::from_utf8_lossy(&self.body));
        self.value()
    }

    /// Status and code of a problem document: `422 invalid`; or the bare status. Whatever is no success must be one.
    pub fn told(&self) -> String {
        if self.status < 300 {
            return self.status.to_string();
        }
        assert!(self.head.contains("application/problem+json"), "not a problem document: {self:?}");
        let problem = self.value();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
        format!("{} {}", self.status, problem["code"].as_str().unwrap())
    }
}
