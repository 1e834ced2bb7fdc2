//! Broadcasts: a room goes on air, and off again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::BroadcastShape;
use super::{Api, Caller};
use crate::rules::{Broadcast, RoomId};
use crate::store::{Answer, Ask, Partition, PresenceAnswer, PresenceAsk};

/// Goes on air: a new broadcast begins. Watched time, gifts and boards are counted by broadcast.
#[utoipa::path(post, path = "/v1/rooms/{room}/broadcasts", tag = "broadcasts",
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = BroadcastShape), (status = "4XX", body = Problem)))]
pub(super) async fn start(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<impl IntoResponse, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let shape = ask(&api, &caller, room, PresenceAsk::StartBroadcast).await?;
    Ok((StatusCode::CREATED, Json(shape)))
}

/// Goes off air.
#[utoipa::path(post, path = "/v1/rooms/{room}/broadcasts/{broadcast}/end", tag = "broadcasts", operation_id = "end_broadcast",
    params(("room" = String, Path), ("broadcast" = u32, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = BroadcastShape), (status = "4XX", body = Problem)))]
pub(super) async fn end(
    State(api): State<Api>, caller: Caller, InPath((room, broadcast)): InPath<(String, u32)>,
) -> Result<Json<BroadcastShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    ask(&api, &caller, room, PresenceAsk::EndBroadcast { broadcast }).await.map(Json)
}

async fn ask(api: &Api, caller: &Caller, room: RoomId, ask: PresenceAsk) -> Result<BroadcastShape, Halt> {
    match caller.commit(api, Partition::Room(room), Ask::Presence(ask)).await? {
        Answer::Presence(PresenceAnswer::OnAir(broadcast)) => Ok(BroadcastShape { broadcast, on: true }),
        Answer::Presence(PresenceAnswer::OffAir(broadcast)) => Ok(BroadcastShape { broadcast, on: false }),
        _ => Err(Problem::unexpected().into()),
    }
}

impl From<&Broadcast> for BroadcastShape {
    fn from(broadcast: &Broadcast) -> Self {
        Self { broadcast: broadcast.number, on: broadcast.is_on() }
    }
}
