//! The layers of a configuration, and the reading of them to the end: a mistake does not hide the next one.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use config::builder::DefaultState;
use config::{ConfigBuilder, ConfigError, Environment, File, FileFormat, Value, ValueKind};
use serde::{Deserialize, Deserializer, de};

use super::{Config, DEFAULT_TOML, DEVELOPMENT, Mistake, Mistakes};

/// What comes before a key in the environment; `__` stands between levels.
const PREFIX: &str = "LIVEROOM";
const SEPARATOR: &str = "__";

/// Keys that must not stand in a file.
const SECRETS: [&str; 2] = ["tokens.keys.*.secret", "payments.secret"];

/// A key's path and its value.
pub type Flag<'a> = (&'a str, &'a str);

/// What a configuration is put together from; the later wins.
#[derive(Debug, Default)]
pub struct Layers<'a> {
    /// Begin with what suits one machine that plays all the viewers.
    pub development: bool,
    /// A TOML file.
    pub file: Option<&'a Path>,
    /// Variables. Those that do not begin with `LIVEROOM_`, or have no `__`, belong to others.
    pub environment: Vec<(String, String)>,
    /// What the command line says.
    pub flags: Vec<(&'static str, String)>,
}

impl Layers<'_> {
    /// The variables of this process that are text.
    pub fn process_environment() -> Vec<(String, String)> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// Puts the layers together, and checks the result.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn load(&self) -> Result<Config, Mistakes> {
        let tree = self.merged().map_err(|error| Mistakes(vec![self.unreadable(error)]))?;
        let mut mistakes = Vec::new();
        let config = read(tree.clone(), &mut mistakes);
        say_bounds(&mut mistakes);
        mistakes.extend(secrets_in_files(&tree));
        mistakes.extend(config.check());
        for mistake in &mut mistakes {
            mistake.origin = mistake.origin.take().or_else(|| origin(&tree, &mistake.key));
        }
        // Of one key the first mistake stays: what was taken away is missing afterwards.
        mistakes.sort_by(|a, b| a.key.cmp(&b.key));
        mistakes.dedup_by(|a, b| a.key == b.key);
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    fn merged(&self) -> Result<Value, ConfigError> {
        let mut builder = ConfigBuilder::<DefaultState>::default();
        // Below everything, so that half of a rate can be given: the other half is the default's.
        builder = builder.add_source(File::from_str(DEFAULT_TOML, FileFormat::Toml));
        if self.development {
            builder = builder.add_source(development()?);
        }
        if let Some(file) = self.file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let ours = self.environment.iter().filter(|(name, _)| name.contains(SEPARATOR)).cloned().collect();
        let environment = Environment::with_prefix(PREFIX).prefix_separator("_").separator(SEPARATOR);
        builder = builder.add_source(environment.source(Some(ours)));
        for (key, value) in &self.flags {
            builder = builder.set_override(*key, value.as_str())?;
        }
        Ok(builder.build()?.cache)
    }

    fn unreadable(&self, error: ConfigError) -> Mistake {
        let key = self.file.map_or_else(|| "configuration".to_owned(), |file| file.display().to_string());
        let problem = match error {
            ConfigError::FileParse { cause, .. } => cause.to_string(),
            error => error.to_string(),
        };
        Mistake { key, problem: problem.trim_end().to_owned(), origin: None }
    }
}

fn development() -> Result<config::Config, ConfigError> {
    let set = |builder: ConfigBuilder<DefaultState>, (key, value): &(&str, &str)| builder.set_override(*key, *value);
    DEVELOPMENT.iter().try_fold(ConfigBuilder::default(), set)?.build()
}

/// Reads what can be read: where a value is wrong, that is noted, and the default stands in.
fn read(mut tree: Value, mistakes: &mut Vec<Mistake>) -> Config {
    loop {
        let error = match tree.clone().try_deserialize() {
            Ok(config) => return config,
            Err(error) => error,
        };
        let (key, problem) = place(error);
        let removed = remove(&mut tree, &key);
        mistakes.push(Mistake { key, problem, origin: None });
        // Without something to take away the next reading would fail the same way.
        if !removed {
            return Config::default();
        }
    }
}

/// Who wrote a word for a number wants to know which numbers there are.
fn say_bounds(mistakes: &mut [Mistake]) {
    let bounds = Config::default().bounds();
    for mistake in mistakes {
        if let Some(bound) = bounds.iter().find(|bound| bound.key == mistake.key) {
            mistake.problem = format!("{}; allowed: {}", mistake.problem, bound.allowed);
        }
    }
}

/// Where a reading failed, and why.
fn place(error: ConfigError) -> (String, String) {
    match error {
        ConfigError::Type { unexpected, expected, key, .. } => {
            (key.unwrap_or_default(), format!("is {unexpected}, must be {expected}"))
        }
        ConfigError::NotFound(key) => (key, "is missing".to_owned()),
        ConfigError::At { error, key, .. } => {
            let (within, problem) = place(*error);
            let key = [key.unwrap_or_default(), within].into_iter().filter(|part| !part.is_empty());
            (key.collect::<Vec<_>>().join("."), problem)
        }
        other => reword(&other.to_string()),
    }
}

/// An unknown key, or a section that is none, is only told by the text of the error, which serde words the same for every
/// format. The key goes to the front; types are not for those who configure.
fn reword(text: &str) -> (String, String) {
    let unknown = text.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "));
    if let Some((key, known)) = unknown {
        let known = known.trim_start_matches("one of ").replace('`', "");
        return (key.to_owned(), format!("is not a key here; known: {known}"));
    }
    let problem = match text.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected struct ")) {
        Some((given, _)) => format!("is {given}, must be a section with keys"),
        None => text.to_owned(),
    };
    (String::new(), problem)
}

/// Takes away what the path names, or else the nearest thing above it.
fn remove(tree: &mut Value, path: &str) -> bool {
    let ValueKind::Table(table) = &mut tree.kind else { return false };
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let below = table.get_mut(first).is_some_and(|below| remove(below, rest));
    below || table.remove(first).is_some()
}

fn find<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(tree, |at, name| match &at.kind {
        ValueKind::Table(table) => table.get(name),
        _ => None,
    })
}

fn origin(tree: &Value, path: &str) -> Option<String> {
    find(tree, path)?.origin().map(str::to_owned)
}

/// Secrets are in files of their own, with rights of their own, or in the environment.
fn secrets_in_files(tree: &Value) -> Vec<Mistake> {
    let keys = match find(tree, "tokens.keys").map(|keys| &keys.kind) {
        Some(ValueKind::Table(keys)) => keys.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let paths = SECRETS.iter().flat_map(|path| match path.contains('*') {
        true => keys.iter().map(|key| path.replace('*', key)).collect(),
        false => vec![(*path).to_owned()],
    });
    // A URL is a secret when somebody comes with a name.
    let url = find(tree, "store.redis").is_some_and(|url| url.to_string().contains('@'));
    paths
        .chain(url.then(|| "store.redis".to_owned()))
        .filter(|path| origin(tree, path).is_some_and(|origin| origin != "the environment"))
        .map(|key| Mistake {
            key,
            problem: "must not stand in a configuration file: name a file that holds it, or set it in the environment"
                .to_owned(),
            origin: None,
        })
        .collect()
}

/// A list, or, as the environment has no lists, a text with commas.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts, or a text with commas")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(de::value::SeqAccessDeserializer::new(items))
        }
    }
    let read = |item: String| item.parse().map_err(|why| de::Error::custom(format!("has {item:?}: {why}")));
    deserializer.deserialize_any(Visitor)?.into_iter().map(read).collect()
}
