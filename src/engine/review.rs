//! What the filter finds in the copy of an activity, for its review.

use crate::filter::Lexicon;
use crate::rules::Plan;
use crate::store::{Ask, Keeper, Op, Partition, Query, Reply, TalkAsk, TemplateAsk};

/// What a lexicon finds in a plan's copy, as reasons for its author.
pub(super) fn findings(lexicon: &Lexicon, plan: &Plan) -> Vec<String> {
    let all = plan.copy().flat_map(|text| {
        let found = lexicon.find(text);
        found.into_iter().map(move |it| format!("{:?} in {text:?} ({})", &text[it.span], it.category))
    });
    all.take(TalkAsk::FINDINGS_MAX).map(|finding| shortened(&finding, 200)).collect()
}

/// The store hands in what a recurrence has made; what it does not know comes with the operation.
pub(super) fn complete(ops: &mut [Op], lexicon: &Lexicon, keeper: &dyn Keeper) {
    for op in ops {
        if let (Partition::Room(room), Ask::Template(TemplateAsk::HandIn { activity, findings: found })) =
            (op.partition, &mut op.ask)
            && let Reply::Activity(view) = keeper.ask(&Query::Activity { room, activity: *activity })
        {
            *found = findings(lexicon, &view.plan);
        }
    }
}

fn shortened(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
