//! The connection over which nodes hear each other.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, ProtocolVersion, PushInfo, RedisError, RedisResult, cmd,
};
use tokio::sync::mpsc;

use super::Traffic;
use crate::store::redis::RedisOptions;

/// What Redis pushes that may wait to be looked at; more are missed.
const PUSHES_MAX: usize = 4_096;

/// A connection; clones share it.
#[derive(Clone)]
pub(super) struct Line(MultiplexedConnection);

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
            Ok::<_, redis::RedisError>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.timeout))
            .set_response_timeout(Some(options.timeout))
            .set_push_sender(push);
        let at = options.clone();
        let asked = tokio::task::spawn_blocking(move || at.primary(&at.prefix)).await;
        let said = |why: &dyn std::fmt::Display| RedisError::from((ErrorKind::Io, "no primary", why.to_string()));
        let info = asked.map_err(|why| said(&why))?.map_err(|why| said(&why))?;
        // Only in this version of its protocol Redis pushes and answers over one connection.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok((Self(connection), pushed))
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
        call.query_async::<redis::Value>(&mut self.0).await.map(drop)
    }
}

/// Channel and envelope of a push that brings something said.
pub(super) fn said(push: PushInfo) -> Option<(Vec<u8>, Vec<u8>)> {
    if push.kind != redis::PushKind::SMessage {
        return None;
    }
    let [channel, envelope]: [redis::Value; 2] = push.data.try_into().ok()?;
    let bytes = |value| Vec::<u8>::from_redis_value(value).ok();
    Some((bytes(channel)?, bytes(envelope)?))
}
