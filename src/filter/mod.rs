//! What may be said: banned words found in text, however it is dressed up.
//!
//! Text and dictionary go through the same `fold`: width, case, marks, what is not seen, what stands between letters,
//! traditional forms and look-alikes are gone on both sides, so that a plain search finds a dressed-up word. Pure: no
//! I/O, no clock; the lexicons come as texts.

mod builtin;
mod fold;
mod lexicon;
mod numbers;
mod scan;
#[cfg(test)]
mod tests;

pub use builtin::builtin;
pub use fold::normalise;
pub use lexicon::{Lexicon, LexiconMistake};
pub use scan::Finding;
