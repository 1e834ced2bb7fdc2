//! The two halves of a viewer's line to a server, whatever transport carries it.

use std::future::Future;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The line is gone.
#[derive(Debug, thiserror::Error)]
#[error("the line broke: {0}")]
pub struct LineBroke(pub String);

impl LineBroke {
    /// For this reason.
    pub fn because(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Where a viewer writes.
pub trait LineOut: Send + 'static {
    /// Writes all of `bytes`, waiting when the server is slow to take them.
    fn send(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), LineBroke>> + Send;

    /// Shows that somebody is there who has nothing to say now, unless the transport does so by itself.
    fn show_life(&mut self) -> impl Future<Output = Result<(), LineBroke>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Where a viewer reads.
pub trait LineIn: Send + 'static {
    /// Waits for bytes and appends what is there; nothing appended means the server ended the stream. Can be dropped while
    /// waiting without losing bytes.
    fn receive(&mut self, into: &mut Vec<u8>) -> impl Future<Output = Result<(), LineBroke>> + Send;
}

impl LineOut for quinn::SendStream {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), LineBroke> {
        self.write_all(bytes).await.map_err(LineBroke::because)
    }
}

impl LineIn for quinn::RecvStream {
    async fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), LineBroke> {
        // Chunks come without a copy, and this is the only one made.
        if let Some(chunk) = self.read_chunk(usize::MAX, true).await.map_err(LineBroke::because)? {
            into.extend_from_slice(&chunk.bytes);
        }
        Ok(())
    }
}

impl LineIn for TcpStream {
    async fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), LineBroke> {
        into.reserve(2 * 1024);
        self.read_buf(into).await.map_err(LineBroke::because)?;
        Ok(())
    }
}
