//! Rooms.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{ActionShape, NewRoom, RoomShape, room_id, user_id};
use super::{Api, Caller};
use crate::gateway::token::Role;
use crate::rules::NotDoneCode;
use crate::store::{Action, Answer, Ask, HostAction, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

/// Creates a room.
#[utoipa::path(put, path = "/v1/rooms/{room}", tag = "rooms", operation_id = "create_room", request_body = NewRoom,
    params(("room" = String, Path, description = "1 to 39 of [A-Za-z0-9_.-]"),
        ("Idempotency-Key" = Option<String>, Header, description = "names the request: a repeat gets the first answer"),
        ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = RoomShape), (status = "4XX", body = Problem)))]
pub(super) async fn create(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewRoom>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let id = room_id(&room)?;
    caller.may_enter(id)?;
    let host = match (caller.must_host()?, new.host.as_deref()) {
        (Role::Operator, Some(host)) => user_id(host)?,
        (_, Some(host)) if host != caller.user().as_str() => {
            return Err(NotDoneCode::Forbidden.because("only operators create rooms for others").into());
        }
        _ => caller.user(),
    };
    let ask = Ask::CreateRoom { host, utc_offset_min: new.utc_offset_min };
    match caller.commit(&api, Partition::Room(id), ask).await? {
        Answer::RoomCreated => {
            Ok((StatusCode::CREATED, Json(RoomShape { room, host: host.to_string(), online: 0, broadcast: None })))
        }
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows a room.
#[utoipa::path(get, path = "/v1/rooms/{room}", tag = "rooms", operation_id = "show_room", params(("room" = String, Path)),
    responses((status = 200, body = RoomShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<RoomShape>, Halt> {
    let id = caller.may_act_in(&api, &room)?;
    let live = api.engine.room(&id).ok_or_else(|| NotDoneCode::UnknownRoom.because("no such room"))?;
    let broadcast = live.channel.broadcast().as_ref().map(Into::into);
    Ok(Json(RoomShape { room, host: live.host.to_string(), online: live.channel.online(), broadcast }))
}

/// Shows what hosts and operators did in a room, the latest last.
#[utoipa::path(get, path = "/v1/rooms/{room}/trail", tag = "rooms", params(("room" = String, Path)),
    responses((status = 200, body = [ActionShape]), (status = "4XX", body = Problem)))]
pub(super) async fn trail(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<ActionShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    match api.engine.ask(Query::Trail { room }).await? {
        Reply::Trail(actions) => Ok(Json(actions.iter().map(Into::into).collect())),
        _ => Err(Problem::unexpected().into()),
    }
}

impl From<&HostAction> for ActionShape {
    fn from(action: &HostAction) -> Self {
        let word = match action.action {
            Action::CreateRoom => "create_room".to_owned(),
            Action::Draft => "draft".to_owned(),
            Action::Reject => "reject".to_owned(),
            Action::Step(step) => step.word().to_owned(),
            Action::Amend(number) => format!("amend {number}"),
            Action::SetFanClub => "set_fan_club".to_owned(),
            Action::Draw => "draw".to_owned(),
            Action::StartBroadcast(number) => format!("start_broadcast {number}"),
            Action::Impose(sanction, user) => format!("{} {user}", sanction.word()),
            Action::Lift(sanction, user) => format!("lift {} {user}", sanction.word()),
            Action::AddCouponTemplate => "add_coupon_template".to_owned(),
            Action::AddReduction => "add_full_reduction".to_owned(),
            Action::IssueCoupon(user) => format!("issue_coupon {user}"),
            Action::SaveTemplate(id) => format!("save_template {id}"),
            Action::DeleteTemplate(id) => format!("delete_template {id}"),
            Action::DraftLike(id) => format!("draft_like {id}"),
            Action::Recur(id) => format!("create_recurrence {id}"),
            Action::Pause(id) => format!("pause_recurrence {id}"),
            Action::Resume(id) => format!("resume_recurrence {id}"),
            Action::EndRecurrence(id) => format!("end_recurrence {id}"),
            Action::EndBroadcast(number) => format!("end_broadcast {number}"),
            Action::CreateCampaign(id) => format!("create_campaign {id}"),
            Action::Include(id) => format!("include {id}"),
            Action::CreateExperiment(id) => format!("create_experiment {id}"),
            Action::EndExperiment(id) => format!("end_experiment {id}"),
        };
        Self {
            event: action.no,
            at_ms: action.at.ms(),
            by: action.by.to_string(),
            action: word,
            activity: action.activity.map(|id| id.0),
        }
    }
}
