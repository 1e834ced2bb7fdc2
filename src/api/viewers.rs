//! Viewers, as the server knows them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{ViewerShape, user_id};
use super::{Api, Caller};
use crate::store::{Query, Reply};

/// Shows what is known of a viewer in a room: what conditions are judged by.
#[utoipa::path(get, path = "/v1/rooms/{room}/viewers/{user}", tag = "viewers", operation_id = "show_viewer",
    params(("room" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = ViewerShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath((room, user)): InPath<(String, String)>,
) -> Result<Json<ViewerShape>, Problem> {
    let room = caller.may_act_in(&api, &room)?;
    let id = user_id(&user)?;
    match api.engine.ask(Query::Facts { room, user: id }).await? {
        Reply::Facts { facts: Some(facts), broadcast } => Ok(Json(ViewerShape::new(user, &facts, broadcast))),
        Reply::Facts { facts: None, .. } => {
            Err(Problem::new(StatusCode::NOT_FOUND, "unknown_viewer", "nobody of this name was noticed in the room"))
        }
        _ => Err(Problem::unexpected()),
    }
}
