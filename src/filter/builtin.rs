//! The lexicon that comes with the server, for whoever has none of their own.

use std::sync::{Arc, LazyLock};

use super::Lexicon;

const FILES: [(&str, &str); 4] = [
    ("abuse", include_str!("builtin/abuse.txt")),
    ("advertising", include_str!("builtin/advertising.txt")),
    ("contact", include_str!("builtin/contact.txt")),
    ("illegal", include_str!("builtin/illegal.txt")),
];

/// The lexicon of the folder `builtin`.
pub fn builtin() -> Arc<Lexicon> {
    static BUILTIN: LazyLock<Arc<Lexicon>> =
        LazyLock::new(|| Arc::new(Lexicon::parse(FILES).expect("a test reads the lexicon that comes with the server")));
    Arc::clone(&BUILTIN)
}
