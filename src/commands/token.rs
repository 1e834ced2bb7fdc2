//! `liveroom token`: makes access tokens, and keys to sign them with.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use secrecy::ExposeSecret as _;

use super::{Overrides, Span, print};
use crate::engine::Clock;
use crate::gateway::token::{Algorithm, Issuer, KeyId, KeyPair, Role, Rooms, SigningKey};
use crate::rules::{AccountFacts, RoomId, Time, UserId};
use crate::server::config::Config;
use crate::server::development::{self, Development};
use crate::server::keys;

/// Make an access token, or a key to sign tokens with.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    token: Option<IssueArgs>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make an EdDSA key: KID.pem to sign with, KID.pub.pem for the servers
    Keygen {
        /// The key's name, which tokens carry
        #[arg(long, value_name = "KID")]
        kid: KeyId,
        /// Where the two files go
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
struct IssueArgs {
    /// What the bearer may be
    #[arg(long, value_enum)]
    role: RoleName,
    /// Who the bearer is
    #[arg(long, value_name = "U", value_parser = bearer)]
    user: UserId,
    /// A room that the token is for, any number of times; without it, every room
    #[arg(long = "room", value_name = "R", value_parser = RoomId::parse)]
    rooms: Vec<RoomId>,
    /// Since when there is the account, ms since the epoch: for activities that ask how old it is
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(0..=Time::MAX.ms()))]
    account_created_ms: Option<i64>,
    /// How likely the account is a bot's, 0 to 100: for activities that ask
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    risk: Option<u8>,
    /// How long it is valid: 30s, 15m, 1h
    #[arg(long, value_name = "D", default_value = "1h")]
    ttl: Span,
    /// The key to sign with: an EdDSA private key (PEM), or an HS256 secret. Without it, the HS256 key that --kid names in
    /// the configuration, or else the key of a server that ran here with --dev
    #[arg(long, value_name = "FILE", requires = "kid")]
    key: Option<PathBuf>,
    /// The key's name in the configuration of the servers
    #[arg(long, value_name = "K")]
    kid: Option<KeyId>,
    /// The configuration of the servers, for the audience and the longest lifetime
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where a server ran with --dev
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

fn bearer(text: &str) -> Result<UserId, String> {
    let user = UserId::parse(text).map_err(|why| why.to_string())?;
    if user.is_reserved() { Err("is a name that the server keeps for itself".to_owned()) } else { Ok(user) }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Judges how risky accounts are, by the API
    Risk,
    /// Watches and takes part
    Viewer,
    /// Runs the activities of its rooms
    Host,
    /// Runs the service
    Operator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Risk => Self::Risk,
            RoleName::Viewer => Self::Viewer,
            RoleName::Host => Self::Host,
            RoleName::Operator => Self::Operator,
        }
    }
}

impl TokenArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match (self.what, self.token) {
            (Some(What::Keygen { kid, out }), _) => print(&keygen(&kid, &out)?)?,
            (None, Some(token)) => print(&format!("{}\n", token.issue()?))?,
            (None, None) => bail!("--role and --user are needed"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes both halves, and says what they are for.
fn keygen(kid: &KeyId, out: &Path) -> anyhow::Result<String> {
    let [private, public] = ["pem", "pub.pem"].map(|kind| out.join(format!("{kid}.{kind}")));
    for file in [&private, &public] {
        // Whoever lost a key by this would lose every token that it signed.
        ensure!(!file.exists(), "{} exists; take another name or move it away", file.display());
    }
    let pair = KeyPair::generate().context("no key")?;
    let write = |file: &Path, text: &str, mode| {
        development::keep(file, text.as_bytes(), mode).with_context(|| format!("can't write {}", file.display()))
    };
    write(&private, pair.private_pem.expose_secret(), 0o600)?;
    write(&public, &pair.public_pem, 0o644)?;
    Ok(format!(
        "{private}: sign with it: liveroom token --key {private} --kid {kid} …\n{public}: for the servers:\n\n\
         [tokens.keys]\n{kid} = {{ algorithm = \"EdDSA\", file = \"{public}\" }}\n",
        private = private.display(),
        public = public.display(),
    ))
}

impl IssueArgs {
    fn issue(&self) -> anyhow::Result<String> {
        let overrides =
            Overrides { config: self.config.clone(), data_dir: self.data_dir.clone(), ..Overrides::default() };
        let config = overrides.load(false)?;
        let Span(ttl) = self.ttl;
        let ttl_max = config.tokens.ttl_max;
        let shown = |time: Duration| humantime::format_duration(time).to_string();
        ensure!(ttl <= ttl_max, "--ttl {} is longer than tokens.ttl_max, {}", shown(ttl), shown(ttl_max));
        let rooms = if self.rooms.is_empty() { Rooms::Any } else { Rooms::Listed(self.rooms.as_slice().into()) };
        let issuer = self.issuer(&config)?;
        let account = AccountFacts { created: self.account_created_ms.map(Time::from_ms), risk: self.risk };
        Ok(issuer.vouch(Clock::real().now(), self.user, self.role.into(), &rooms, ttl, account)?)
    }

    fn issuer(&self, config: &Config) -> anyhow::Result<Issuer> {
        let Some(kid) = &self.kid else {
            return Ok(Development::below(&config.store.data_dir).issuer(&config.tokens)?);
        };
        let key = match &self.key {
            Some(file) => signing_key(file)?,
            None => {
                let named = config.tokens.keys.get(kid);
                let named = named.with_context(|| format!("the configuration has no key {kid}; name its --key"))?;
                ensure!(named.algorithm == Algorithm::Hs256, "{kid} is a public key; the private one is for --key");
                SigningKey::hs256(&keys::token_material(&format!("tokens.keys.{kid}"), named)?)?
            }
        };
        Ok(Issuer::new(kid.clone(), key, config.tokens.audience.clone()))
    }
}

/// A PEM file is an EdDSA key; anything else is a raw secret.
fn signing_key(file: &Path) -> anyhow::Result<SigningKey> {
    let bytes = keys::bytes("--key", file)?;
    let key = if bytes.expose_secret().starts_with(b"-----BEGIN ") {
        SigningKey::ed25519(&bytes)
    } else {
        SigningKey::hs256(&keys::secret("--key", file)?)
    };
    key.with_context(|| format!("--key {}", file.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::gateway::token::Verifier;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: TokenArgs,
    }

    fn issue(line: &str) -> anyhow::Result<String> {
        let words = std::iter::once("token").chain(line.split_whitespace());
        Line::try_parse_from(words)?.args.token.context("no token asked for")?.issue()
    }

    #[test]
    fn tokens_are_signed_by_the_key_that_was_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        keygen(&"ed".parse().unwrap(), dir.path()).unwrap();
        assert!(keygen(&"ed".parse().unwrap(), dir.path()).is_err(), "a key is not overwritten");
        std::fs::write(at("hs.secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
        std::fs::write(at("short.secret"), "hunter2\n").unwrap();
        let toml = format!(
            "[tokens]\naudience = \"shop\"\nttl_max = \"2h\"\n[tokens.keys]\n\
             ed = {{ algorithm = \"EdDSA\", file = {:?} }}\nhs = {{ algorithm = \"HS256\", file = {:?} }}\n",
            at("ed.pub.pem"),
            at("hs.secret"),
        );
        std::fs::write(at("c.toml"), toml).unwrap();
        let config = Overrides { config: Some(at("c.toml").into()), ..Overrides::default() }.load(false).unwrap();
        let verifier = Verifier::new(keys::token_ring(&config.tokens).unwrap(), config.tokens.policy());
        Development::below(dir.path()).prepare(Clock::real().now()).unwrap();

        let (c, ed, public, hs, short) =
            (at("c.toml"), at("ed.pem"), at("ed.pub.pem"), at("hs.secret"), at("short.secret"));
        let who = "--role host --user h1 --room r1 --room r2";
        for (line, said) in [
            (format!("{who} --config {c} --key {ed} --kid ed"), Ok(())),
            (format!("{who} --config {c} --key {hs} --kid hs"), Ok(())),
            (format!("{who} --config {c} --kid hs --ttl 2h"), Ok(())),
            (format!("{who} --config {c} --kid hs --ttl 3h"), Err("longer than tokens.ttl_max, 2h")),
            (format!("{who} --config {c} --kid hs --ttl 0s"), Err("at least a second")),
            (format!("{who} --config {c} --kid ed"), Err("the private one is for --key")),
            (format!("{who} --config {c} --kid no"), Err("has no key no")),
            (format!("{who} --config {c} --kid ed --key {public}"), Err("not an Ed25519 private key")),
            (format!("{who} --config {c} --kid hs --key {short}"), Err("too short")),
            (format!("{who} --config {c} --kid hs --key {}", at("none")), Err("can't read")),
            (format!("{who} --config {}", at("none")), Err("none")),
            (format!("{who} --data-dir {}", at("none")), Err("no development key")),
            ("--role viewer --user payment-provider".to_owned(), Err("keeps for itself")),
        ] {
            match (issue(&line), said) {
                (Ok(token), Ok(())) => {
                    let access = verifier.verify(Clock::real().now(), &token, RoomId::parse("r2").unwrap()).unwrap();
                    assert_eq!((access.user.as_str(), access.role), ("h1", Role::Host));
                }
                (Err(error), Err(said)) => {
                    let chain = format!("{error:#}");
                    assert!(chain.contains(said) && !chain.contains("hunter2"), "{line}: {chain}");
                }
                (got, said) => panic!("{line}: {got:?}, wanted {said:?}"),
            }
        }
        assert!(issue(&format!("{who} --data-dir {}", dir.path().display())).is_ok());
    }
}
