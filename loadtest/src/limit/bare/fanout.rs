//! One uni stream per viewer, and one loop that writes to all of them.

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Orders, message, welcome};

/// Viewers written to before their connections get to send: few enough that what was written is still in the cache and
/// the worker's queue holds their wake-ups, many enough that yielding costs nothing. Measured per delivery: 13.5 µs with
/// 8 to 32, 15 µs with one or with all at once, 17 µs with a task per viewer behind a broadcast channel.
const BATCH: usize = 16;

pub(super) async fn serve(endpoint: quinn::Endpoint, mut orders: Orders) -> anyhow::Result<()> {
    let (connected, mut arrivals) = unbounded_channel();
    let accepting = async {
        while let Some(incoming) = endpoint.accept().await {
            let connected = connected.clone();
            tokio::spawn(async move {
                let _ = arrive(incoming, connected).await;
            });
        }
    };
    let broadcasting = async {
        let mut viewers = Vec::new();
        let mut next = 0;
        loop {
            tokio::select! {
                Some((connection, mut stream)) = arrivals.recv() => {
                    let _ = stream.write_chunk(welcome()).await;
                    viewers.push((connection, stream));
                }
                count = orders.rounds() => {
                    if count == 0 {
                        return;
                    }
                    for round in next..next + count as u64 {
                        broadcast(&mut viewers, &message(round)).await;
                    }
                    next += count as u64;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = broadcasting => {}
    }
    Ok(())
}

/// A viewer's connection is held for its stream: dropped, it would close.
type Viewer = (quinn::Connection, quinn::SendStream);

async fn arrive(incoming: quinn::Incoming, connected: UnboundedSender<Viewer>) -> anyhow::Result<()> {
    let connection = incoming.await?;
    let stream = connection.open_uni().await?;
    connected.send((connection, stream))?;
    Ok(())
}

async fn broadcast(viewers: &mut [Viewer], message: &Bytes) {
    for batch in viewers.chunks_mut(BATCH) {
        for (_, stream) in batch {
            let _ = stream.write_chunk(message.clone()).await;
        }
        tokio::task::yield_now().await;
    }
}
