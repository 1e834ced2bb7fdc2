//! One TCP connection per viewer, and one loop of one write each: the least that a WebSocket can cost.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use super::{Orders, announce, message, welcome};

pub(super) async fn serve(mut orders: Orders) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(listener.local_addr()?);
    let mut viewers = Vec::new();
    let mut next = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (viewer, _) = accepted?;
                viewer.set_nodelay(true)?;
                viewer.try_write(&welcome())?;
                viewers.push(viewer);
            }
            count = orders.rounds() => {
                if count == 0 {
                    return Ok(());
                }
                for round in next..next + count as u64 {
                    broadcast(&viewers, &message(round))?;
                }
                next += count as u64;
            }
        }
    }
}

fn broadcast(viewers: &[TcpStream], message: &[u8]) -> anyhow::Result<()> {
    for viewer in viewers {
        // The socket's buffer holds thousands of messages: a viewer that has them all unread is not measured here.
        let written = viewer.try_write(message)?;
        anyhow::ensure!(written == message.len(), "a viewer fell behind");
    }
    Ok(())
}
