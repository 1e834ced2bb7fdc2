//! Tables of layers and of mistakes.

use std::path::PathBuf;

use super::*;
use crate::gateway::Rate;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn toml(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("liveroom.toml");
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn load(text: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, Mistakes> {
    let files = Files::new();
    let path = files.toml(text);
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let flags = flags.iter().map(|(key, value)| (*key, value.to_string())).collect();
    Layers { development: false, file: Some(&path), environment, flags }.load()
}

#[test]
fn the_default_file_is_the_default() {
    assert_eq!(load(DEFAULT_TOML, &[], &[]).unwrap(), Config::default());
    assert_eq!(Layers::default().load().unwrap(), Config::default());
}

#[test]
fn the_default_file_names_every_key_and_what_it_may_be() {
    // Every example in a comment is switched on, so that the keys without a default are there too.
    let all = DEFAULT_TOML.lines().map(|line| match line.strip_prefix("# ") {
        Some(code) if code.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => code,
        _ => line,
    });
    let all = load(&all.collect::<Vec<_>>().join("\n"), &[], &[]).unwrap();
    let explained = toml::Value::try_from(&all).unwrap();
    assert_eq!(all.tokens.keys.len(), 2);
    let paths = [&all.tls.cert_file, &all.tls.key_file, &all.tls.ws_cert_file, &all.tls.ws_key_file];
    assert!(paths.iter().all(|path| path.is_some()) && all.payments.secret_file.is_some() && all.events.dir.is_some());
    assert!(all.threads.network.is_some());

    let mut explanation = String::new();
    let mut section = String::new();
    let mut seen = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        }
        let code = line.trim_start_matches("# ");
        match code.split_once(" = ") {
            Some((key, _)) if !key.contains(' ') => {
                seen.push((format!("{section}.{key}"), std::mem::take(&mut explanation)));
            }
            _ if line.starts_with('#') => explanation.push_str(line),
            // What stands above a section is about all of its keys.
            _ if line.starts_with('[') => {}
            _ => explanation.clear(),
        }
    }
    for bound in all.bounds().iter().filter(|bound| {
        !bound.key.starts_with("rates.") && !bound.key.contains("per_second") && !bound.key.contains("burst")
    }) {
        let said = seen.iter().find(|(key, _)| *key == bound.key);
        let said = said.unwrap_or_else(|| panic!("{} is not in default.toml", bound.key));
        assert!(said.1.contains(&bound.allowed), "{}: {} is not said in {}", bound.key, bound.allowed, said.1);
    }
    for (section, keys) in explained.as_table().unwrap() {
        for key in keys.as_table().unwrap().keys().filter(|key| (section.as_str(), key.as_str()) != ("tokens", "keys"))
        {
            assert!(
                seen.iter().any(|(name, _)| *name == format!("{section}.{key}")),
                "{section}.{key} is not explained"
            );
        }
    }
}

#[test]
fn later_layers_win() {
    let file = "[listen]\nquic = \"127.0.0.1:1\"\nws = \"127.0.0.1:2\"\nadmin = \"127.0.0.1:3\"\n";
    let environment = [
        ("LIVEROOM_LISTEN__WS", "127.0.0.1:22"),
        ("LIVEROOM_LISTEN__ADMIN", "127.0.0.1:33"),
        ("LIVEROOM_ENGINE__TICK", "20ms"),
        ("LIVEROOM_SESSION__IN_FLIGHT_MAX", "7"),
        ("LIVEROOM_RATES__CLAIM__BURST", "9"),
        ("LIVEROOM_RATES__CLAIM__PER_SECOND", "8"),
        ("LIVEROOM_EVENTS__FILES", "false"),
        ("LIVEROOM_WEBSOCKET__ORIGINS", "https://a.example, https://b.example:444"),
        ("LIVEROOM_WEBSOCKET__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
        ("LIVEROOM_THREADS__NETWORK", "3"),
        ("LIVEROOM_TOKENS__KEYS__SHOP__ALGORITHM", "HS256"),
        ("LIVEROOM_TOKENS__KEYS__SHOP__SECRET", "0123456789abcdef0123456789abcdef"),
        // Not ours: no prefix, or no level.
        ("LISTEN__QUIC", "nonsense"),
        ("LIVEROOM_SIM_SEEDS", "1000"),
        ("LIVEROOM", ""),
    ];
    let config = load(file, &environment, &[("listen.admin", "127.0.0.1:333")]).unwrap();
    let ports = [config.listen.quic, config.listen.ws, config.listen.admin].map(|address| address.port());
    assert_eq!(ports, [1, 22, 333]);
    assert_eq!(config.engine.tick, Duration::from_millis(20));
    assert_eq!(config.session.in_flight_max, 7);
    assert_eq!(config.rates.claim, Rate { per_second: 8, burst: 9 });
    assert!(!config.events.files);
    assert_eq!(config.websocket.origins, ["https://a.example", "https://b.example:444"]);
    assert_eq!(config.websocket.trusted_proxies.len(), 2);
    assert_eq!(config.threads.network, Some(3));
    assert_eq!(config.tokens.keys.len(), 1);
}

#[test]
fn development_is_a_layer_below_the_file() {
    let files = Files::new();
    let path = files.toml("[rates]\nclaim = { per_second = 5, burst = 6 }\n");
    let config = Layers { development: true, file: Some(&path), ..Layers::default() }.load().unwrap();
    assert_eq!(config.rates.claim, Rate { per_second: 5, burst: 6 });
    assert_eq!(config.listen.quic.ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(config.websocket.origins, ["*"]);
    assert_eq!(config.connections.per_address_max, 100_000);
    let half = Layers { development: true, flags: vec![("rates.claim.burst", "7".to_owned())], ..Layers::default() };
    let half = half.load().unwrap().rates.claim;
    assert_eq!((half.burst, half.per_second > 20), (7, true));
}

#[test]
fn half_of_a_rate_can_be_given() {
    let usual = Config::default().rates.claim;
    for (text, environment) in
        [("[rates]\nclaim = { burst = 9 }", &[][..]), ("", &[("LIVEROOM_RATES__CLAIM__BURST", "9")])]
    {
        let config = load(text, environment, &[]).unwrap();
        assert_eq!(config.rates.claim, Rate { burst: 9, ..usual });
    }
}

#[test]
fn each_mistake_is_named_with_what_is_allowed() {
    for (text, key, said) in [
        ("[session]\nin_flight_max = 0", "session.in_flight_max", "is 0; allowed: 1 to 4096"),
        ("[session]\nin_flight_max = -1", "session.in_flight_max", "integer; allowed: 1 to 4096"),
        ("[session]\nin_flight_max = 99999999999", "session.in_flight_max", "integer; allowed: 1 to 4096"),
        ("[session]\nin_flight_max = \"many\"", "session.in_flight_max", "integer; allowed: 1 to 4096"),
        ("[session]\nin_flight_max = [1]", "session.in_flight_max", "integer; allowed: 1 to 4096"),
        ("[session]\nin_flight = 1", "session.in_flight", "is not a key here; known: in_flight_max, frame_bytes_max"),
        ("[sesion]\nin_flight_max = 1", "sesion", "is not a key here; known: listen, tls"),
        ("session = 1", "session", "must be a section with keys"),
        ("[session]\nhello_timeout = \"soon\"", "session.hello_timeout", "expected"),
        ("[session]\nhello_timeout = 5", "session.hello_timeout", "expected a duration; allowed: 100ms to 1m"),
        ("[session]\nhello_timeout = \"1h\"", "session.hello_timeout", "is 1h; allowed: 100ms to 1m"),
        ("[session]\nhello_timeout = \"31s\"", "session.hello_timeout", "is more than session.idle_timeout"),
        ("[session]\nframe_bytes_max = 65537", "session.frame_bytes_max", "allowed: 1024 to 65536"),
        ("[listen]\nquic = \"localhost\"", "listen.quic", "invalid socket address"),
        ("[listen]\nws = \"127.0.0.1:8081\"", "listen.admin", "is the address of listen.ws too"),
        ("[tls]\ncert_file = \"a.pem\"", "tls.key_file", "is missing beside tls.cert_file"),
        ("[tls]\nws_key_file = \"a.pem\"", "tls.ws_cert_file", "is missing beside tls.ws_key_file"),
        ("[store]\ndata_dir = \"\"", "store.data_dir", "must be a directory"),
        ("[store]\nsegment_bytes = 1", "store.segment_bytes", "allowed: 2097152 to 1073741824"),
        ("[store]\nretention = \"59m\"", "store.retention", "is 59m; allowed: 1h to 30days"),
        ("[engine]\nbatch_ops = 100\nqueue_ops = 50", "engine.batch_ops", "is more than engine.queue_ops"),
        (
            "[store]\nsegment_bytes = 2097152\n[engine]\nbatch_ops = 1366",
            "engine.batch_ops",
            "is more than a segment of the log holds",
        ),
        ("[engine]\ntick = \"600ms\"", "engine.counts_every", "is less than engine.tick"),
        ("[rates]\nclaim = { per_second = 0, burst = 1 }", "rates.claim.per_second", "allowed: 1 to 1000000"),
        ("[rates]\nclaim = 5", "rates.claim", "must be a section with keys"),
        ("[connections]\nconnections_max = 10", "connections.per_address_max", "is more than connections.conn"),
        ("[websocket]\norigins = [\"live.example\"]", "websocket.origins", "allowed: https://host"),
        ("[websocket]\norigins = [\"https://live.example/\"]", "websocket.origins", "allowed: https://host"),
        ("[websocket]\ntrusted_proxies = [\"proxy\"]", "websocket.trusted_proxies", "has \"proxy\": invalid IP"),
        ("[budgets]\nclaims = { burst = 0 }", "budgets.claims.burst", "is 0; allowed: 1 to 1000000"),
        ("[budgets]\naddresses_max = 1", "budgets.addresses_max", "is 1; allowed: 64 to 10000000"),
        ("[websocket]\norigins = 5", "websocket.origins", "a list of texts"),
        ("[tokens]\naudience = \"\"", "tokens.audience", "1 to 64 bytes"),
        ("[tokens]\nttl_max = \"1y\"", "tokens.ttl_max", "allowed: 1m to 30days"),
        ("[tokens.keys.a]\nfile = \"a.pem\"", "tokens.keys.a.algorithm", "is missing"),
        ("[tokens.keys.a]\nalgorithm = \"none\"", "tokens.keys.a.algorithm", "EdDSA or HS256"),
        ("[tokens.keys.a]\nalgorithm = \"RS256\"", "tokens.keys.a.algorithm", "EdDSA or HS256"),
        ("[tokens.keys.a]\nalgorithm = \"EdDSA\"", "tokens.keys.a.file", "is missing"),
        ("[tokens.keys.a]\nalgorithm = \"HS256\"", "tokens.keys.a.file", "is missing"),
        (
            "[tokens.keys.a]\nalgorithm = \"HS256\"\nsecret = \"0123456789abcdef0123456789abcdef\"",
            "tokens.keys.a.secret",
            "must not stand in a configuration file",
        ),
        ("[payments]\nsecret = \"0123456789abcdef0123456789abcdef\"", "payments.secret", "must not stand in a conf"),
        ("[tokens.keys.\"a b\"]\nalgorithm = \"EdDSA\"\nfile = \"a\"", "tokens.keys", "is not a key id"),
        ("[log]\nformat = \"xml\"", "log.format", "must be text or json"),
        ("[log]\nlevel = \"loud=very\"", "log.level", "allowed: off, error"),
        ("[threads]\nnetwork = 0", "threads.network", "allowed: 1 to 256"),
    ] {
        let Mistakes(mistakes) = load(text, &[], &[]).expect_err(text);
        let found = mistakes.iter().find(|mistake| mistake.key == key);
        let found = found.unwrap_or_else(|| panic!("{text}: no mistake at {key}: {mistakes:?}"));
        assert!(found.problem.contains(said), "{text}: {found}");
    }
}

#[test]
fn a_mistake_does_not_hide_the_next() {
    let text = "colour = 1\n[session]\nin_flight_max = \"x\"\nhello_timeout = \"soon\"\nfoo = 1\n\
        posts_max = 1\n[log]\nformat = \"xml\"\n[tokens.keys.a]\nalgorithm = \"x\"\n[tokens.keys.b]\nalgorithm = \"EdDSA\"\n";
    let environment = [("LIVEROOM_ROOMS__ROOMS_MAX", "0"), ("LIVEROOM_ROOMS__NO_SUCH", "0")];
    let Mistakes(mistakes) = load(text, &environment, &[("listen.quic", "?")]).unwrap_err();
    let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "colour",
            "listen.quic",
            "log.format",
            "rooms.no_such",
            "rooms.rooms_max",
            "session.foo",
            "session.hello_timeout",
            "session.in_flight_max",
            "session.posts_max",
            "tokens.keys.a.algorithm",
            "tokens.keys.b.file",
        ]
    );
    let origin = |key: &str| mistakes.iter().find(|mistake| mistake.key == key).unwrap().origin.clone();
    assert_eq!(origin("rooms.rooms_max").as_deref(), Some("the environment"));
    assert!(origin("session.foo").unwrap().ends_with("liveroom.toml"));
}

#[test]
fn a_file_that_is_not_toml_is_named() {
    for text in ["[session", "a = ", "\u{0}"] {
        let Mistakes(mistakes) = load(text, &[], &[]).unwrap_err();
        assert!(mistakes[0].key.ends_with("liveroom.toml"), "{mistakes:?}");
        assert!(mistakes[0].problem.contains("line 1") || mistakes[0].problem.contains("TOML"), "{mistakes:?}");
    }
    let missing = Layers { file: Some("/no/such/liveroom.toml".as_ref()), ..Layers::default() }.load().unwrap_err();
    assert!(missing.to_string().contains("/no/such/liveroom.toml"), "{missing}");
}

#[test]
fn secrets_are_hidden_and_short_ones_refused() {
    let good = "0123456789abcdef0123456789abcdef";
    let config = load("", &[("LIVEROOM_PAYMENTS__SECRET", good)], &[]).unwrap();
    assert_eq!(config.payments.secret.as_ref().unwrap().expose(), good);
    let shown = format!("{config:?}\n{}", toml::to_string(&config).unwrap());
    assert!(!shown.contains(good) && shown.contains(Secret::HIDDEN), "{shown}");
    let Mistakes(mistakes) = load("", &[("LIVEROOM_PAYMENTS__SECRET", "hunter2")], &[]).unwrap_err();
    assert!(!format!("{mistakes:?}").contains("hunter2"));
}

#[test]
fn the_layers_below_get_what_is_configured() {
    let config = load("[engine]\ntick = \"20ms\"\n[rooms]\nrooms_max = 7\nhistory_frames = 9", &[], &[]).unwrap();
    assert_eq!(config.engine_limits().tick, Duration::from_millis(20));
    assert_eq!(config.engine_limits().channel.history_frames, 9);
    assert_eq!(config.store_bounds().rooms_max, 7);
    assert_eq!(Config::default().store_bounds(), Bounds::default());
}
