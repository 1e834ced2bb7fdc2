//! Templates of activities: saved, made into activities by hand or again and again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{
    ActivityShape, NewFromTemplate, NewRecurrence, NewTemplate, RecurrenceShape, TemplateShape, activity_template_id,
};
use super::{Api, Caller, activities};
use crate::rules::{ActivityId, ActivityTemplateId, NotDoneCode, Occurrence, Plan, Recurrence, RecurrenceId, RoomId};
use crate::store::{Answer, Ask, Partition, Query, Reply, TemplateAnswer, TemplateAsk, plan_bytes};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;
type Place = InPath<(String, String)>;

/// Saves a template, in the place of what had its name before: a plan, or that of an activity.
#[utoipa::path(put, path = "/v1/rooms/{room}/templates/{template}", tag = "templates", request_body = NewTemplate,
    params(("room" = String, Path), ("template" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = TemplateShape), (status = "4XX", body = Problem)))]
pub(super) async fn save(
    State(api): State<Api>, caller: Caller, InPath((room, template)): Place, body: Body<NewTemplate>,
) -> Result<Json<TemplateShape>, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let template = activity_template_id(&template)?;
    let plan = match (new.activity, new.plan) {
        (Some(activity), None) => {
            let activity = ActivityId(activity);
            let Reply::Activity(view) = api.engine.ask(Query::Activity { room, activity }).await? else {
                return Err(NotDoneCode::UnknownActivity.because("no such activity in this room").into());
            };
            caller.may_have(&view.plan)?;
            view.plan
        }
        (None, Some(plan)) => activities::planned(&api, &caller, plan)?,
        _ => return Err(Problem::invalid("a template is exactly one of activity and plan").into()),
    };
    ask(&api, &caller, room, TemplateAsk::Save { template, plan: Box::new(plan) }).await?;
    let saved = plan_of(&api, room, template).await?;
    Ok(Json(TemplateShape::of(template, &saved)))
}

/// Lists a room's templates, by name.
#[utoipa::path(get, path = "/v1/rooms/{room}/templates", tag = "templates", operation_id = "list_templates", params(("room" = String, Path)),
    responses((status = 200, body = [TemplateShape]), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<TemplateShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    match api.engine.ask(Query::Templates { room }).await? {
        Reply::Templates(all) => Ok(Json(all.iter().map(|(id, plan)| TemplateShape::of(*id, plan)).collect())),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows a template.
#[utoipa::path(get, path = "/v1/rooms/{room}/templates/{template}", tag = "templates", operation_id = "show_template",
    params(("room" = String, Path), ("template" = String, Path)),
    responses((status = 200, body = TemplateShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath((room, template)): Place,
) -> Result<Json<TemplateShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let template = activity_template_id(&template)?;
    Ok(Json(TemplateShape::of(template, &plan_of(&api, room, template).await?)))
}

/// Deletes a template that no recurrence needs.
#[utoipa::path(delete, path = "/v1/rooms/{room}/templates/{template}", tag = "templates",
    params(("room" = String, Path), ("template" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn delete(
    State(api): State<Api>, caller: Caller, InPath((room, template)): Place,
) -> Result<StatusCode, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let template = activity_template_id(&template)?;
    ask(&api, &caller, room, TemplateAsk::Delete { template }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Drafts an activity like a template. A draw with a beacon waits for the first round after its close.
#[utoipa::path(post, path = "/v1/rooms/{room}/templates/{template}/activities", tag = "templates", operation_id = "draft_from_template",
    request_body = NewFromTemplate,
    params(("room" = String, Path), ("template" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = ActivityShape), (status = "4XX", body = Problem)))]
pub(super) async fn draft(
    State(api): State<Api>, caller: Caller, InPath((room, template)): Place, body: Body<NewFromTemplate>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let template = activity_template_id(&template)?;
    let plan = plan_of(&api, room, template).await?;
    caller.may_have(&plan)?;
    let plan_bytes = plan_bytes(&plan);
    let draft = TemplateAsk::Draft { template, opens_at: new.opens_at(), seed: api.engine.seed(), plan_bytes };
    match caller.commit(&api, Partition::Room(room), Ask::Template(draft)).await? {
        Answer::Drafted(activity) => Ok((StatusCode::CREATED, Json(activities::shape(&api, room, activity).await?))),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Has a template become an activity again and again: "every Wednesday 20:00". Each occurrence becomes one activity, once,
/// however many servers there are and whenever they start; one for which no server was there before its opening is missed,
/// told as such, and not made up for.
#[utoipa::path(post, path = "/v1/rooms/{room}/recurrences", tag = "templates", request_body = NewRecurrence,
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = RecurrenceShape), (status = "4XX", body = Problem)))]
pub(super) async fn recur(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewRecurrence>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let template = activity_template_id(&new.template)?;
    caller.may_have(&plan_of(&api, room, template).await?)?;
    let rule = new.rule(offset(&api, room).await?)?;
    let (first, seed) = (coming(&api, &rule)?, api.engine.seed());
    match ask(&api, &caller, room, TemplateAsk::Recur { template, rule: Box::new(rule), first, seed }).await? {
        TemplateAnswer::Recurs(id) => Ok((StatusCode::CREATED, Json(shape(&api, room, id).await?))),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Lists a room's recurrences, the earliest first.
#[utoipa::path(get, path = "/v1/rooms/{room}/recurrences", tag = "templates", params(("room" = String, Path)),
    responses((status = 200, body = [RecurrenceShape]), (status = "4XX", body = Problem)))]
pub(super) async fn recurrences(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<RecurrenceShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let all = recurring(&api, room).await?;
    Ok(Json(all.iter().map(|(id, one)| RecurrenceShape::of(*id, one)).collect()))
}

/// Has a recurrence rest: no new activities until it goes on.
#[utoipa::path(post, path = "/v1/rooms/{room}/recurrences/{recurrence}/pause", tag = "templates",
    params(("room" = String, Path), ("recurrence" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = RecurrenceShape), (status = "4XX", body = Problem)))]
pub(super) async fn pause(
    State(api): State<Api>, caller: Caller, InPath((room, recurrence)): InPath<(String, u64)>,
) -> Result<Json<RecurrenceShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let recurrence = RecurrenceId(recurrence);
    ask(&api, &caller, room, TemplateAsk::Pause { recurrence }).await?;
    shape(&api, room, recurrence).await.map(Json)
}

/// Has a recurrence go on, with its next occurrence from now on. What passed meanwhile is not made up for.
#[utoipa::path(post, path = "/v1/rooms/{room}/recurrences/{recurrence}/resume", tag = "templates",
    params(("room" = String, Path), ("recurrence" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = RecurrenceShape), (status = "4XX", body = Problem)))]
pub(super) async fn resume(
    State(api): State<Api>, caller: Caller, InPath((room, recurrence)): InPath<(String, u64)>,
) -> Result<Json<RecurrenceShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let recurrence = RecurrenceId(recurrence);
    let all = recurring(&api, room).await?;
    let (_, found) = all.iter().find(|(id, _)| *id == recurrence).ok_or_else(unknown)?;
    let next = coming(&api, &found.rule)?;
    ask(&api, &caller, room, TemplateAsk::Resume { recurrence, next }).await?;
    shape(&api, room, recurrence).await.map(Json)
}

/// Ends a recurrence. Activities that came of it stay.
#[utoipa::path(delete, path = "/v1/rooms/{room}/recurrences/{recurrence}", tag = "templates", operation_id = "end_recurrence",
    params(("room" = String, Path), ("recurrence" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn end(
    State(api): State<Api>, caller: Caller, InPath((room, recurrence)): InPath<(String, u64)>,
) -> Result<StatusCode, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    ask(&api, &caller, room, TemplateAsk::End { recurrence: RecurrenceId(recurrence) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ask(api: &Api, caller: &Caller, room: RoomId, ask: TemplateAsk) -> Result<TemplateAnswer, Halt> {
    match caller.commit(api, Partition::Room(room), Ask::Template(ask)).await? {
        Answer::Template(answer) => Ok(answer),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn plan_of(api: &Api, room: RoomId, template: ActivityTemplateId) -> Result<Plan, Halt> {
    let Reply::Templates(all) = api.engine.ask(Query::Templates { room }).await? else {
        return Err(Problem::unexpected().into());
    };
    let found = all.into_iter().find(|(id, _)| *id == template).map(|(_, plan)| plan);
    found.ok_or_else(|| NotDoneCode::UnknownTemplate.because(format!("the room has no template {template}")).into())
}

async fn recurring(api: &Api, room: RoomId) -> Result<Vec<(RecurrenceId, crate::rules::Recurring)>, Halt> {
    match api.engine.ask(Query::Recurrences { room }).await? {
        Reply::Recurrences(all) => Ok(all),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn shape(api: &Api, room: RoomId, id: RecurrenceId) -> Result<RecurrenceShape, Halt> {
    let all = recurring(api, room).await?;
    let found = all.iter().find(|(other, _)| *other == id);
    let (id, recurring) = found.ok_or_else(unknown)?;
    Ok(RecurrenceShape::of(*id, recurring))
}

async fn offset(api: &Api, room: RoomId) -> Result<i32, Halt> {
    match api.engine.ask(Query::Zone { room }).await? {
        Reply::Zone(utc_offset_min) => Ok(utc_offset_min),
        _ => Err(NotDoneCode::UnknownRoom.because("no such room").into()),
    }
}

fn coming(api: &Api, rule: &Recurrence) -> Result<Occurrence, Halt> {
    let next = rule.first_after(api.engine.clock().now());
    Ok(next.ok_or_else(|| Problem::invalid("the rule has no occurrence before the year 2200"))?)
}

fn unknown() -> Problem {
    NotDoneCode::UnknownRecurrence.because("no such recurrence in this room").into()
}
