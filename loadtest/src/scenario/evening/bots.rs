//! Scripts among the people of an evening: whom decoys catch, whose cash is held, and what becomes of it.

use super::persona::Persona;
use super::programme::Mechanic;
use super::reckoning::{Leaving, Reckoning, Verdicts, equal};

impl Reckoning<'_> {
    /// Nobody is judged who is no script, the decoy has caught whoever guessed it, the cash of those who are known is held, and each
    /// hold ends once, as its winner was told and as the operator ruled.
    pub(super) fn bots(&self, verdicts: &mut Verdicts) -> anyhow::Result<()> {
        let mut acts = self.hosted.acts.iter();
        let Some(decoy) = acts.find(|played| played.act.mechanic == Mechanic::Decoy) else { return Ok(()) };
        let users = |of: &dyn Fn(&Leaving) -> bool| -> Vec<String> {
            self.viewers.iter().filter(|viewer| of(viewer)).map(|viewer| viewer.user.clone()).collect()
        };
        let is_bot = |viewer: &Leaving| viewer.persona == Persona::Bot;
        verdicts.judge("no_person_is_judged", self.stage.nobody_judged(&users(&|viewer| !is_bot(viewer)))?);
        let guessed = users(&|viewer| viewer.told.guessed.contains(&decoy.activity));
        verdicts.judge("decoys_catch_who_guesses", self.stage.caught(decoy.activity, &guessed)?);
        for viewer in self.viewers {
            verdicts.judge("cash_is_held_of_bots_only", self.held(viewer));
            if is_bot(viewer) {
                verdicts.judge("holds_end_as_told", self.ended(viewer));
            }
        }
        Ok(())
    }

    /// All cash of an account that was known, whatever it was won in; none of a person.
    fn held(&self, viewer: &Leaving) -> Result<(), String> {
        if viewer.persona != Persona::Bot && !viewer.told.held.is_empty() {
            return Err(format!("{:?} of {}, who is a {}", viewer.told.held, viewer.user, viewer.persona.word()));
        }
        self.hosted.acts.iter().filter(|_| viewer.known_risk).try_for_each(|played| {
            equal(
                &format!("fen of {} for {}", played.act.title, viewer.user),
                viewer.told.held.of(played.activity),
                viewer.told.won_fen(played.activity),
            )
        })
    }

    /// Whether the books list the holds that their winner was told of, and each came to an end: the one that was ruled, if any was.
    fn ended(&self, viewer: &Leaving) -> Result<(), String> {
        let (holds, _) = self.stage.ended_holds(&viewer.user).map_err(|error| format!("{error:#}"))?;
        if !viewer.told.held.has_ended() {
            return Err(format!("{} was not told of an end: {:?}", viewer.user, viewer.told.held));
        }
        viewer.told.held.equals(&holds).map_err(|wrong| format!("{}: {wrong}", viewer.user))?;
        for hold in &holds {
            let ruled = self.hosted.ruled.iter().find(|(of, _)| (of.activity, of.unit) == (hold.activity, hold.unit));
            if let Some((_, end)) = ruled.filter(|(_, end)| hold.state != end.state()) {
                return Err(format!("{} was to end by {end:?}: {hold:?}", viewer.user));
            }
        }
        Ok(())
    }
}
