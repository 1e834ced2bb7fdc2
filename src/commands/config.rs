//! `liveroom config`: checks, prints and explains the configuration.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Overrides, print};
use crate::server::config::{Config, DEFAULT_TOML, Mistake, Mistakes};
use crate::server::keys;
use crate::server::tls;

/// Check, print or explain the configuration.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say everything that is wrong with a configuration and with the files it names; status 2 if anything is
    Check {
        /// The configuration, TOML
        #[arg(value_name = "FILE", conflicts_with = "config")]
        file: Option<PathBuf>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Print the configuration as it takes effect: file, environment and flags together, secrets hidden
    Print {
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Print the default configuration, with an explanation of every key
    Default,
}

impl ConfigArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Check { file, mut overrides } => {
                overrides.config = overrides.config.or(file);
                let config = overrides.load(false)?;
                let mistakes = unusable_files(&config);
                if !mistakes.is_empty() {
                    return Err(Mistakes(mistakes).into());
                }
                print(&verdict(&config))?;
            }
            What::Print { overrides } => print(&toml::to_string(&overrides.load(false)?)?)?,
            What::Default => print(DEFAULT_TOML)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What is wrong with the files that the configuration names.
fn unusable_files(config: &Config) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut note = |key: &str, error: &dyn std::error::Error| {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let problem = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        // The errors of keys name the key themselves.
        let problem = problem.strip_prefix(&format!("{key}: ")).unwrap_or(&problem).to_owned();
        mistakes.push(Mistake { key: key.to_owned(), problem, origin: None });
    };
    let tls = &config.tls;
    for (key, cert_file, key_file) in
        [("tls.cert_file", &tls.cert_file, &tls.key_file), ("tls.ws_cert_file", &tls.ws_cert_file, &tls.ws_key_file)]
    {
        if let Err(error) = tls::configured(cert_file.as_deref(), key_file.as_deref()) {
            note(key, &error);
        }
    }
    if let Err(error) = keys::payment_secret(&config.payments) {
        note(error.key(), &error);
    }
    for error in keys::unusable(&config.tokens) {
        note(error.key(), &error);
    }
    mistakes
}

/// What a server with this configuration would still lack, if it is not started for development.
fn verdict(config: &Config) -> String {
    let lacks = [
        (config.tls.cert_file.is_none(), "no tls.cert_file: without --dev the server has no certificate for QUIC"),
        (config.tokens.keys.is_empty(), "no tokens.keys: without --dev nobody gets in"),
        (
            config.payments.secret.is_none() && config.payments.secret_file.is_none(),
            "no payments.secret_file: payment callbacks are refused",
        ),
    ];
    let notes = lacks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, note)| format!("note: {note}\n"));
    notes.chain(["the configuration is good\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_cannot_be_used_is_named_by_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("liveroom.toml");
        let text = "[tls]\ncert_file = \"/no/cert\"\nkey_file = \"/no/key\"\n[payments]\nsecret_file = \"/no/secret\"\n\
            [tokens.keys.a]\nalgorithm = \"EdDSA\"\nfile = \"/no/a\"\n[tokens.keys.b]\nalgorithm = \"HS256\"\nfile = \"/no/b\"\n";
        std::fs::write(&file, text).unwrap();
        let config = Overrides { config: Some(file), ..Overrides::default() }.load(false).unwrap();
        let mistakes = unusable_files(&config);
        let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
        assert_eq!(keys, ["tls.cert_file", "payments.secret_file", "tokens.keys.a.file", "tokens.keys.b.file"]);
        for mistake in &mistakes {
            assert!(mistake.problem.starts_with("can't read /no/"), "{mistake}");
            assert!(mistake.problem.contains("No such file"), "{mistake}");
        }
    }

    #[test]
    fn a_bare_configuration_is_good_but_says_what_it_lacks() {
        let verdict = verdict(&Config::default());
        assert!(verdict.ends_with("the configuration is good\n"));
        assert_eq!(verdict.lines().count(), 4);
    }
}
