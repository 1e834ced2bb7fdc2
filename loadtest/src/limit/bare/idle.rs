//! Connections that are held and nothing else.

use super::Orders;

pub(super) async fn serve(endpoint: quinn::Endpoint, mut orders: Orders) -> anyhow::Result<()> {
    let (connected, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let accepting = async {
        while let Some(incoming) = endpoint.accept().await {
            let connected = connected.clone();
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    let _ = connected.send(connection);
                }
            });
        }
    };
    let holding = async {
        let mut held = Vec::new();
        while let Some(connection) = arrivals.recv().await {
            held.push(connection);
        }
    };
    tokio::select! {
        () = accepting => {}
        () = holding => {}
        () = orders.end() => {}
    }
    Ok(())
}
