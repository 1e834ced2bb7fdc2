//! The API's description, OpenAPI 3.1. `openapi.json` beside this file is its committed copy; a test compares them.

use axum::Json;
use utoipa::OpenApi;

use super::dry_run::DryRunShape;
use super::{
    activities, broadcasts, campaigns, coupons, draws, experiments, gifts, health, holds, lexicons, metrics, payments,
    risks, rooms, sanctions, templates, viewers, wallets,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "liveroom",
        description = "Rooms, activities, wallets and payments of a live-room server. \
        Authenticate with `Authorization: Bearer TOKEN` (a host's or an operator's token). Errors are RFC 9457 problem documents. \
        Amounts are integers in fen, times are milliseconds since the epoch. With `?dry_run=true` a call that would change something \
        changes nothing and answers 200 with what would happen (DryRunShape), or with the problem that it would meet; \
        any other parameter is refused. A payment provider's call, which bears a signature instead of a token, has no dry run."
    ),
    components(schemas(DryRunShape)),
    paths(
        rooms::create,
        rooms::show,
        rooms::trail,
        viewers::show,
        broadcasts::start,
        broadcasts::end,
        campaigns::create,
        campaigns::list,
        campaigns::show,
        campaigns::include,
        experiments::create,
        experiments::list,
        experiments::show,
        experiments::end,
        templates::save,
        templates::list,
        templates::show,
        templates::delete,
        templates::draft,
        templates::recur,
        templates::recurrences,
        templates::pause,
        templates::resume,
        templates::end,
        activities::draft,
        activities::list,
        activities::show,
        activities::schedule,
        activities::warm_up,
        activities::open,
        activities::close,
        activities::cancel,
        activities::amend,
        gifts::catalogue,
        gifts::set_catalogue,
        gifts::board,
        gifts::earnings,
        gifts::fan_club,
        gifts::set_fan_club,
        gifts::fan,
        draws::rules,
        draws::record,
        draws::proof,
        draws::beacon,
        coupons::add_template,
        coupons::templates,
        coupons::issue,
        coupons::add_reduction,
        coupons::reductions,
        coupons::quote,
        payments::callback,
        wallets::show,
        wallets::top_up,
        sanctions::list,
        sanctions::impose,
        sanctions::lift,
        risks::show,
        risks::judge,
        risks::judge_many,
        risks::acquit,
        holds::policy,
        holds::set_policy,
        holds::end_policy,
        holds::list,
        holds::list_in,
        holds::end,
        lexicons::show,
        lexicons::reload,
        health::alive,
        health::ready,
        metrics::serve,
    )
)]
struct Document;

/// The document as JSON.
///
/// # Panics
/// Never: the document is plain.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().expect("the document is plain JSON");
    text.push('\n');
    text
}

pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

#[cfg(test)]
mod tests {
    /// To renew it: `UPDATE=1 cargo test -p liveroom --lib openapi`.
    #[test]
    fn the_committed_document_is_the_current_one() {
        if std::env::var_os("UPDATE").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/openapi.json");
            return std::fs::write(path, super::document()).unwrap();
        }
        assert_eq!(include_str!("openapi.json"), super::document(), "renew it: UPDATE=1");
    }

    /// Generated clients name their functions after them.
    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let document: serde_json::Value = serde_json::from_str(&super::document()).unwrap();
        let paths = document["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        let mut ids: Vec<_> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
        ids.sort_unstable();
        assert!(ids.len() > 50, "{}", ids.len());
        let twice: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert_eq!(twice, [""; 0]);
    }
}
