//! What may not be said: look at the lexicon, and have it read again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::{Api, Caller};

/// Where lexicons come from.
pub trait Lexicons: Send + Sync {
    /// Reads them again, all or nothing. May block.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay.
    fn reload(&self) -> Result<(), String>;
}

/// The lexicon that counts now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LexiconShape {
    /// Terms in all, allowed ones among them.
    terms: usize,
    /// By category.
    categories: Vec<CategoryShape>,
}

/// A category of the lexicon.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CategoryShape {
    /// Its name: what the author of a blocked comment is told.
    category: String,
    /// Terms that are banned.
    banned: usize,
}

/// Shows the lexicon that counts now. Operators only.
#[utoipa::path(get, path = "/v1/lexicons", tag = "talk", operation_id = "show_lexicons",
    responses((status = 200, body = LexiconShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(State(api): State<Api>, caller: Caller) -> Result<Json<LexiconShape>, Problem> {
    caller.must_operate()?;
    Ok(Json(shape(&api)))
}

/// Reads the lexicons of the configured directory again, all or nothing. This server's: others look by themselves.
/// Operators only.
#[utoipa::path(post, path = "/v1/lexicons/reload", tag = "talk",
    responses((status = 200, body = LexiconShape), (status = "4XX", body = Problem)))]
pub(super) async fn reload(State(api): State<Api>, caller: Caller) -> Result<Json<LexiconShape>, Problem> {
    caller.must_operate()?;
    caller.must_mean_it()?;
    let lexicons = api.lexicons.clone();
    let read = tokio::task::spawn_blocking(move || lexicons.reload()).await.map_err(|_| Problem::unexpected())?;
    read.map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "lexicon_invalid", why))?;
    Ok(Json(shape(&api)))
}

fn shape(api: &Api) -> LexiconShape {
    let lexicon = api.engine.lexicon();
    let categories = lexicon.categories().map(|(name, banned)| CategoryShape { category: name.to_owned(), banned });
    LexiconShape { terms: lexicon.len(), categories: categories.collect() }
}
