//! Activities: create, schedule, open, amend, close, cancel, look.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{ActivityShape, AmendedShape, NewActivity, NewAmendment, user_id};
use super::{Api, Caller};
use crate::rules::{ActivityId, NotDoneCode, Phase, Plan, RoomId, Step};
use crate::store::{Answer, Ask, Partition, Query, Reply, TalkAsk};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;
type Place = InPath<(String, u64)>;

/// Drafts an activity.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities", tag = "activities", operation_id = "draft_activity", request_body = NewActivity,
    params(("room" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "names the request: a repeat gets the first answer"),
        ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn draft(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewActivity>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let ask = Ask::Draft { plan: Box::new(planned(&api, &caller, new)?), seed: api.engine.seed() };
    match caller.commit(&api, Partition::Room(room), ask).await? {
        Answer::Drafted(activity) => Ok((StatusCode::CREATED, Json(shape(&api, room, activity).await?))),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Lists a room's activities.
#[utoipa::path(get, path = "/v1/rooms/{room}/activities", tag = "activities", operation_id = "list_activities", params(("room" = String, Path)),
    responses((status = 200, body = [ActivityShape]), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<ActivityShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    match api.engine.ask(Query::Activities { room }).await? {
        Reply::Activities(views) => Ok(Json(views.iter().map(Into::into).collect())),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows an activity.
#[utoipa::path(get, path = "/v1/rooms/{room}/activities/{activity}", tag = "activities", operation_id = "show_activity",
    params(("room" = String, Path), ("activity" = u64, Path)),
    responses((status = 200, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath((room, activity)): Place,
) -> Result<Json<ActivityShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    shape(&api, room, ActivityId(activity)).await.map(Json)
}

/// Hands an activity in: it is reviewed, funded from its sponsor's wallet, and scheduled; or it stays in review with
/// the reasons listed.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/schedule", tag = "activities",
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn schedule(
    State(api): State<Api>, caller: Caller, place: Place,
) -> Result<Json<ActivityShape>, Halt> {
    let InPath((room, activity)) = &place;
    let (room, activity) = (caller.may_act_in(&api, room)?, ActivityId(*activity));
    let Reply::Activity(view) = api.engine.ask(Query::Activity { room, activity }).await? else {
        return Err(unknown().into());
    };
    let findings = api.engine.findings(&view.plan);
    let ask = match findings.is_empty() {
        true => Ask::Step { activity, step: Step::Schedule },
        false => Ask::Talk(TalkAsk::Reject { activity, findings }),
    };
    stepped(&api, &caller, room, activity, ask).await
}

/// Announces a scheduled activity.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/warm-up", tag = "activities",
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn warm_up(State(api): State<Api>, caller: Caller, place: Place) -> Result<Json<ActivityShape>, Halt> {
    step(&api, &caller, place, Step::WarmUp).await
}

/// Opens a scheduled activity now: claims begin.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/open", tag = "activities",
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn open(State(api): State<Api>, caller: Caller, place: Place) -> Result<Json<ActivityShape>, Halt> {
    step(&api, &caller, place, Step::Open).await
}

/// Closes an open activity now: claims end, what is left goes back.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/close", tag = "activities",
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn close(State(api): State<Api>, caller: Caller, place: Place) -> Result<Json<ActivityShape>, Halt> {
    step(&api, &caller, place, Step::Close).await
}

/// Calls an activity off. What was given stays given; the rest goes back. Orders that hold stock run to their end.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/cancel", tag = "activities",
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn cancel(State(api): State<Api>, caller: Caller, place: Place) -> Result<Json<ActivityShape>, Halt> {
    step(&api, &caller, place, Step::Cancel).await
}

/// Amends an open activity (追加库存、延长活动).
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/amendments", tag = "activities",
    request_body = NewAmendment,
    params(("room" = String, Path), ("activity" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = AmendedShape), (status = "4XX", body = Problem)))]
pub(super) async fn amend(
    State(api): State<Api>, caller: Caller, InPath((room, activity)): Place, body: Body<NewAmendment>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let ask = Ask::Amend { activity: ActivityId(activity), amendment: Box::new(new.amendment()?) };
    match caller.commit(&api, Partition::Room(room), ask).await? {
        Answer::Amended { number, .. } => Ok((StatusCode::CREATED, Json(AmendedShape { amendment: number }))),
        _ => Err(Problem::unexpected().into()),
    }
}

/// What a caller plans, and may.
pub(super) fn planned(api: &Api, caller: &Caller, new: NewActivity) -> Result<Plan, Halt> {
    let sponsor = new.sponsor.as_deref().map_or(Ok(caller.user()), user_id)?;
    let plan = new.plan(sponsor, api.receipt_key)?;
    caller.may_have(&plan)?;
    // The store would say so too, but a plan of any size must not come as far.
    plan.check().map_err(|why| Problem::invalid(why.to_string()))?;
    Ok(plan)
}

async fn step(api: &Api, caller: &Caller, place: Place, step: Step) -> Result<Json<ActivityShape>, Halt> {
    let InPath((room, activity)) = place;
    let room = caller.may_act_in(api, &room)?;
    let activity = ActivityId(activity);
    stepped(api, caller, room, activity, Ask::Step { activity, step }).await
}

fn unknown() -> Problem {
    NotDoneCode::UnknownActivity.because("no such activity in this room").into()
}

async fn stepped(
    api: &Api, caller: &Caller, room: RoomId, activity: ActivityId, ask: Ask,
) -> Result<Json<ActivityShape>, Halt> {
    match caller.commit(api, Partition::Room(room), ask).await? {
        Answer::Stepped { phase: Phase::Review, .. } => {
            let shape = shape(api, room, activity).await?;
            let reasons = shape.reasons.join("; ");
            Err(Problem::new(StatusCode::CONFLICT, "review_failed", reasons).into())
        }
        Answer::Stepped { .. } => shape(api, room, activity).await.map(Json),
        _ => Err(Problem::unexpected().into()),
    }
}

pub(super) async fn shape(api: &Api, room: RoomId, activity: ActivityId) -> Result<ActivityShape, Halt> {
    match api.engine.ask(Query::Activity { room, activity }).await? {
        Reply::Activity(view) => Ok(view.as_ref().into()),
        _ => Err(unknown().into()),
    }
}
