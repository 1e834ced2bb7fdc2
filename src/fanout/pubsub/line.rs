//! The connection over which nodes hear each other: to the primary, or to all primaries of a cluster, each of which carries the
//! channels of its slots.

use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, ProtocolVersion, PushInfo, PushKind, RedisError,
    RedisResult, cmd,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Traffic;
use crate::store::redis::RedisOptions;

/// What Redis pushes that may wait to be looked at; more are missed.
const PUSHES_MAX: usize = 4_096;

/// A connection; clones share it.
#[derive(Clone)]
pub(super) enum Line {
    /// To one server.
    One(MultiplexedConnection),
    /// To each primary. It follows slots that move.
    Cluster(ClusterConnection),
}

impl Line {
    /// Connects. What Redis pushes comes out of the receiver, which ends with the connection.
    pub(super) async fn connect(
        options: &RedisOptions, traffic: Arc<Traffic>,
    ) -> RedisResult<(Self, mpsc::Receiver<PushInfo>)> {
        let (pushes, pushed) = mpsc::channel(PUSHES_MAX);
        let push = move |info| {
            let full = matches!(pushes.try_send(info), Err(mpsc::error::TrySendError::Full(_)));
            if full {
                Traffic::add(&traffic.missed, 1);
            }
            Ok::<_, RedisError>(())
        };
        if let Some(seeds) = options.url.seeds() {
            let client = ClusterClient::builder(seeds)
                .use_protocol(ProtocolVersion::RESP3)
                .connection_timeout(options.timeout)
                .response_timeout(options.timeout)
                .retries(2)
                .push_sender(push)
                .build()?;
            // It asks one seed after the other.
            let connecting = timeout(options.timeout * 3, client.get_async_connection());
            let connection = connecting.await.map_err(|_| unreached(&"no answer in time"))??;
            return Ok((Self::Cluster(connection), pushed));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.timeout))
            .set_response_timeout(Some(options.timeout))
            .set_push_sender(push);
        let at = options.clone();
        let asked = tokio::task::spawn_blocking(move || at.primary(&at.prefix)).await;
        let info = asked.map_err(|why| unreached(&why))?.map_err(|why| unreached(&why))?;
        // Only in this version of its protocol Redis pushes and answers over one connection.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok((Self::One(connection), pushed))
    }

    /// Hears the channel from now on.
    pub(super) async fn subscribe(&mut self, channel: &str) -> RedisResult<()> {
        self.call("SSUBSCRIBE", channel, None).await
    }

    /// Hears it no more.
    pub(super) async fn unsubscribe(&mut self, channel: &str) -> RedisResult<()> {
        self.call("SUNSUBSCRIBE", channel, None).await
    }

    /// Sends to everybody who hears the channel.
    pub(super) async fn publish(&mut self, channel: &str, envelope: &[u8]) -> RedisResult<()> {
        self.call("SPUBLISH", channel, Some(envelope)).await
    }

    async fn call(&mut self, name: &str, channel: &str, envelope: Option<&[u8]>) -> RedisResult<()> {
        let mut call = cmd(name);
        call.arg(channel);
        if let Some(envelope) = envelope {
            call.arg(envelope);
        }
        let answer = match self {
            Self::One(connection) => connection.req_packed_command(&call).await?,
            Self::Cluster(connection) => connection.req_packed_command(&call).await?,
        };
        answer.extract_error().map(drop)
    }
}

/// What Redis says unasked.
pub(super) enum Pushed {
    /// Something was said on a channel.
    Said { channel: Vec<u8>, envelope: Vec<u8> },
    /// A channel is not heard any more: its slot went elsewhere, or that was asked for.
    Unheard { channel: Vec<u8> },
    /// A connection is gone.
    Gone,
}

impl Pushed {
    /// `None` for what is of no interest.
    pub(super) fn read(push: PushInfo) -> Option<Self> {
        let mut parts = push.data.into_iter().map_while(|part| Vec::<u8>::from_redis_value(part).ok());
        match push.kind {
            PushKind::SMessage => Some(Self::Said { channel: parts.next()?, envelope: parts.next()? }),
            PushKind::SUnsubscribe => Some(Self::Unheard { channel: parts.next()? }),
            PushKind::Disconnection => Some(Self::Gone),
            _ => None,
        }
    }
}

fn unreached(why: &dyn std::fmt::Display) -> RedisError {
    RedisError::from((ErrorKind::Io, "Redis can't be reached", why.to_string()))
}
