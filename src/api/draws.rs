//! Draws: their public rules and record, proofs for entrants, and the beacon that an operator brings.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{DrawBeaconShape, room_id, user_id};
use super::{Api, Caller};
use crate::rules::{ActivityId, NotDoneCode};
use crate::store::{Answer, Ask, DrawAnswer, DrawAsk, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;
type Place = InPath<(String, u64)>;

/// The rules of a draw, from its scheduling on. Their hash is that of these very bytes. Public: no token is asked for.
#[utoipa::path(get, path = "/v1/rooms/{room}/draws/{activity}/rules", tag = "draws",
    params(("room" = String, Path), ("activity" = u64, Path)),
    responses((status = 200, description = "the rules, as protocol/DRAWS.md describes them", content_type = "application/json"),
        (status = "4XX", body = Problem)))]
pub(super) async fn rules(State(api): State<Api>, InPath((room, activity)): Place) -> Result<impl IntoResponse, Halt> {
    let (room, activity) = (room_id(&room)?, ActivityId(activity));
    match api.engine.ask(Query::DrawRules { room, activity }).await? {
        Reply::DrawRules(rules) => Ok(json(rules.to_json().into_bytes())),
        _ => Err(unknown("no draw of this number is announced in this room").into()),
    }
}

/// The record of a draw that was drawn: what `liveroom verify draw` checks. Public: no token is asked for.
#[utoipa::path(get, path = "/v1/rooms/{room}/draws/{activity}/record", tag = "draws",
    params(("room" = String, Path), ("activity" = u64, Path)),
    responses((status = 200, description = "the record, as protocol/DRAWS.md describes it", content_type = "application/json"),
        (status = "4XX", body = Problem)))]
pub(super) async fn record(State(api): State<Api>, InPath((room, activity)): Place) -> Result<impl IntoResponse, Halt> {
    let (room, activity) = (room_id(&room)?, ActivityId(activity));
    match api.engine.ask(Query::DrawRecord { room, activity }).await? {
        Reply::DrawRecord(record) => Ok(json(record.to_json())),
        _ => Err(unknown("no draw of this number was drawn in this room").into()),
    }
}

/// Proof that a user's ticket is among the frozen entries. Public: no token is asked for.
#[utoipa::path(get, path = "/v1/rooms/{room}/draws/{activity}/proofs/{user}", tag = "draws",
    params(("room" = String, Path), ("activity" = u64, Path), ("user" = String, Path)),
    responses((status = 200, description = "the proof, as protocol/DRAWS.md describes it", content_type = "application/json"),
        (status = "4XX", body = Problem)))]
pub(super) async fn proof(
    State(api): State<Api>, InPath((room, activity, user)): InPath<(String, u64, String)>,
) -> Result<impl IntoResponse, Halt> {
    let (room, activity, user) = (room_id(&room)?, ActivityId(activity), user_id(&user)?);
    match api.engine.ask(Query::DrawProof { room, activity, user }).await? {
        Reply::DrawProof(proof) => Ok(Json(*proof)),
        _ => Err(unknown("no frozen draw of this number has a ticket of this user").into()),
    }
}

/// Brings the beacon that a closed draw waits for. It is verified against the chain that the rules name, whoever brings it.
#[utoipa::path(post, path = "/v1/rooms/{room}/draws/{activity}/beacon", tag = "draws", request_body = DrawBeaconShape,
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 204, description = "the winners are drawn"), (status = "4XX", body = Problem)))]
pub(super) async fn beacon(
    State(api): State<Api>, caller: Caller, InPath((room, activity)): Place, body: Body<DrawBeaconShape>,
) -> Result<StatusCode, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let activity = ActivityId(activity);
    let beacon = new.beacon()?;
    let awaited = match api.engine.ask(Query::AwaitedBeacon { room, activity }).await? {
        Reply::AwaitingBeacon(awaited) => awaited.into_iter().next(),
        _ => None,
    };
    let mut winners = 0;
    if let Some(awaited) = awaited {
        let verified = beacon.verify(&awaited.chain, awaited.round);
        verified.map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "beacon_invalid", why.to_string()))?;
        winners = awaited.winners;
    } else if !caller.named_request() {
        return Err(NotDoneCode::WrongPhase.because("no draw of this number waits for a beacon").into());
    }
    // A repeat of what was drawn by finds its answer; nothing else gets past the store, for nothing waits.
    let ask = Ask::Draw(DrawAsk::Beacon { activity, beacon: Box::new(beacon), winners });
    match caller.commit(&api, Partition::Room(room), ask).await? {
        Answer::Draw(DrawAnswer::Drawn(_)) => Ok(StatusCode::NO_CONTENT),
        _ => Err(Problem::unexpected().into()),
    }
}

fn json(text: Vec<u8>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], text)
}

fn unknown(detail: &'static str) -> Problem {
    NotDoneCode::UnknownActivity.because(detail).into()
}
