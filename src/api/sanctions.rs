//! Mute and ban: impose, take back, look.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{NewSanction, SanctionShape, user_id};
use super::{Api, Caller};
use crate::rules::{RoomId, Sanction, UserId};
use crate::store::{Answer, Ask, Partition, Query, Reply, TalkAnswer, TalkAsk};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;
type Place = InPath<(String, String, String)>;

/// Lists who is muted or banned in a room.
#[utoipa::path(get, path = "/v1/rooms/{room}/sanctions", tag = "talk", operation_id = "list_sanctions", params(("room" = String, Path)),
    responses((status = 200, body = [SanctionShape]), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<SanctionShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let now = api.engine.clock().now();
    match api.engine.ask(Query::Sanctions { room }).await? {
        Reply::Sanctions(all) => {
            let lasting = all.into_iter().filter(|(.., until)| *until > now);
            Ok(Json(lasting.map(|(user, sanction, until)| SanctionShape::of(user, sanction, until)).collect()))
        }
        _ => Err(Problem::unexpected().into()),
    }
}

/// Mutes or bans a user, in the place of what was imposed before. Who is banned leaves the room at once, and is not let in.
#[utoipa::path(put, path = "/v1/rooms/{room}/sanctions/{sanction}/{user}", tag = "talk", request_body = NewSanction,
    params(("room" = String, Path), ("sanction" = String, Path, description = "`mute` or `ban`"), ("user" = String, Path),
        ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = SanctionShape), (status = "4XX", body = Problem)))]
pub(super) async fn impose(
    State(api): State<Api>, caller: Caller, place: Place, body: Body<NewSanction>,
) -> Result<Json<SanctionShape>, Halt> {
    let Json(NewSanction { for_ms }) = body?;
    let (room, sanction, user) = read(&api, &caller, place)?;
    let ask = Ask::Talk(TalkAsk::Impose { user, sanction, for_ms });
    match caller.commit(&api, Partition::Room(room), ask).await? {
        Answer::Talk(TalkAnswer::Imposed(until)) => Ok(Json(SanctionShape::of(user, sanction, until))),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Takes a sanction back.
#[utoipa::path(delete, path = "/v1/rooms/{room}/sanctions/{sanction}/{user}", tag = "talk",
    params(("room" = String, Path), ("sanction" = String, Path, description = "`mute` or `ban`"), ("user" = String, Path),
        ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn lift(State(api): State<Api>, caller: Caller, place: Place) -> Result<StatusCode, Halt> {
    let (room, sanction, user) = read(&api, &caller, place)?;
    match caller.commit(&api, Partition::Room(room), Ask::Talk(TalkAsk::Lift { user, sanction })).await? {
        Answer::Talk(TalkAnswer::Lifted) => Ok(StatusCode::NO_CONTENT),
        _ => Err(Problem::unexpected().into()),
    }
}

fn read(api: &Api, caller: &Caller, place: Place) -> Result<(RoomId, Sanction, UserId), Halt> {
    let InPath((room, word, user)) = place;
    let room = caller.may_act_in(api, &room)?;
    let sanction = Sanction::ALL.into_iter().find(|sanction| sanction.word() == word);
    Ok((room, sanction.ok_or_else(|| Problem::invalid("a sanction is mute or ban"))?, user_id(&user)?))
}
