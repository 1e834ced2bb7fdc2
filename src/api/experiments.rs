//! Experiments: users fall into arms, and what each arm brings is compared.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{ExperimentShape, NewExperiment, experiment_id};
use super::{Api, Caller};
use crate::rules::{ExperimentId, NotDoneCode, RoomId};
use crate::store::{Answer, Ask, ExperimentAsk, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;
type Place = InPath<(String, String)>;

/// Creates an experiment, which runs from now on.
#[utoipa::path(post, path = "/v1/rooms/{room}/experiments", tag = "experiments", operation_id = "create_experiment", request_body = NewExperiment,
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = ExperimentShape), (status = "4XX", body = Problem)))]
pub(super) async fn create(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewExperiment>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let (experiment, plan) = new.plan()?;
    ask(&api, &caller, room, ExperimentAsk::Create { experiment, plan: Box::new(plan) }).await?;
    Ok((StatusCode::CREATED, Json(shape(&api, room, experiment).await?)))
}

/// Lists a room's experiments, by name.
#[utoipa::path(get, path = "/v1/rooms/{room}/experiments", tag = "experiments", operation_id = "list_experiments", params(("room" = String, Path)),
    responses((status = 200, body = [ExperimentShape]), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<ExperimentShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    shapes(&api, room).await.map(Json)
}

/// Shows an experiment, and what each of its arms has brought so far.
#[utoipa::path(get, path = "/v1/rooms/{room}/experiments/{experiment}", tag = "experiments", operation_id = "show_experiment",
    params(("room" = String, Path), ("experiment" = String, Path)),
    responses((status = 200, body = ExperimentShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath((room, experiment)): Place,
) -> Result<Json<ExperimentShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    shape(&api, room, experiment_id(&experiment)?).await.map(Json)
}

/// Ends an experiment: nothing counts for it any more. What is bound to its arms stays so, as long as it is kept.
#[utoipa::path(post, path = "/v1/rooms/{room}/experiments/{experiment}/end", tag = "experiments", operation_id = "end_experiment",
    params(("room" = String, Path), ("experiment" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = ExperimentShape), (status = "4XX", body = Problem)))]
pub(super) async fn end(
    State(api): State<Api>, caller: Caller, InPath((room, experiment)): Place,
) -> Result<Json<ExperimentShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let experiment = experiment_id(&experiment)?;
    ask(&api, &caller, room, ExperimentAsk::End { experiment }).await?;
    shape(&api, room, experiment).await.map(Json)
}

async fn ask(api: &Api, caller: &Caller, room: RoomId, ask: ExperimentAsk) -> Result<(), Halt> {
    match caller.commit(api, Partition::Room(room), Ask::Experiment(ask)).await? {
        Answer::Experiment(_) => Ok(()),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn shape(api: &Api, room: RoomId, id: ExperimentId) -> Result<ExperimentShape, Halt> {
    let found = shapes(api, room).await?.into_iter().find(|shape| shape.experiment == id.as_str());
    found.ok_or_else(|| NotDoneCode::UnknownExperiment.because("no such experiment in this room").into())
}

async fn shapes(api: &Api, room: RoomId) -> Result<Vec<ExperimentShape>, Halt> {
    match api.engine.ask(Query::Experiments { room }).await? {
        Reply::Experiments(views) => Ok(views.iter().map(Into::into).collect()),
        _ => Err(Problem::unexpected().into()),
    }
}
