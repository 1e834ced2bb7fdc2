//! One task per connection; what comes goes back, without a copy.

use super::Orders;

pub(super) async fn serve(endpoint: quinn::Endpoint, mut orders: Orders) -> anyhow::Result<()> {
    let accepting = async {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(async move {
                // A viewer who leaves is no error of the server's.
                let _ = converse(incoming).await;
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = orders.end() => {}
    }
    Ok(())
}

async fn converse(incoming: quinn::Incoming) -> anyhow::Result<()> {
    let connection = incoming.await?;
    let (mut send, mut receive) = connection.accept_bi().await?;
    while let Some(chunk) = receive.read_chunk(usize::MAX, true).await? {
        send.write_chunk(chunk.bytes).await?;
    }
    Ok(())
}
