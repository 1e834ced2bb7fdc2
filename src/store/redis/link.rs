//! One connection to whoever is the primary now: made when it is needed, thrown away when it is in doubt.
//!
//! The client library would follow a cluster by itself, and send again by itself. Here nothing is sent twice but what a
//! server has said it did not do: that is what the answers' meaning rests on.

use std::thread;
use std::time::Duration;

use ::redis::{Client, Cmd, Connection, ConnectionInfo, FromRedisValue, RedisError, RedisResult, cmd};

use super::address::Host;
use super::fault::{Failure, Fault};
use super::locate::{self, Locator};
use super::remote::LIBRARY;
use super::settings::Settings;
use super::{Durability, RedisOptions};

/// So often one command is sent elsewhere, or with functions that were missing, before it counts as not done.
const REDIRECTIONS: u32 = 8;

/// How long a slot on its way is left alone at first.
const TRY_AGAIN_MS: u64 = 2;

/// A connection to the primary that has a slot, when there is one.
pub(super) struct Link {
    locator: Locator,
    timeout: Duration,
    /// What every server that this link writes to must be able to promise.
    vow: Option<Durability>,
    connection: Option<Connected>,
    /// Where the next connection goes, if somebody has said so.
    sent_to: Option<Host>,
}

struct Connected {
    host: Host,
    connection: Connection,
    /// What the server calls its present life, where it was asked.
    run: String,
}

impl Link {
    /// To where the slot of `tag` is. `options.timeout` is for connecting, and for each answer.
    pub(super) fn new(options: &RedisOptions, tag: &str) -> Self {
        let locator = Locator::new(options.url.clone(), tag, options.timeout);
        Self { locator, timeout: options.timeout, vow: None, connection: None, sent_to: None }
    }

    /// Refuses servers that are set weaker than the durability asked for, whenever it comes to a new one.
    pub(super) fn vowed(mut self, durability: Durability) -> Self {
        self.vow = Some(durability);
        self
    }

    /// With so much more patience with each answer.
    pub(super) fn patient(mut self, more: Duration) -> Self {
        self.timeout += more;
        self
    }

    /// What the server at the other end calls its present life: another name after a restart.
    pub(super) fn run(&mut self) -> Result<String, Failure> {
        self.connected().map(|connected| connected.run.clone())
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// One command and its answer.
    pub(super) fn call<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        self.send(command)?;
        self.answer(command)
    }

    /// Sends a command; its answer is waited for by [`Self::answer`], which must come next.
    pub(super) fn send(&mut self, command: &Cmd) -> Result<(), Failure> {
        let Connected { connection, .. } = self.connected()?;
        let sent = connection.send_packed_command(&command.get_packed_command());
        sent.map_err(|error| self.doubted(Failure::calling(&error)))
    }

    /// The answer to what was sent. What a server says it did not do, because it is not the one to ask or lacks the functions,
    /// is done where and when it can be.
    pub(super) fn answer<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        let (mut turns, mut waited) = (0, Duration::ZERO);
        loop {
            let error = match self.receive() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = Failure::calling(&error);
            turns += 1;
            if turns > REDIRECTIONS && failure.fault != Fault::TryAgain {
                return Err(self.doubted(failure));
            }
            match failure.fault {
                Fault::Moved => self.sent_to = Some(self.redirected(&error)?),
                Fault::Asking => {
                    let host = self.redirected(&error)?;
                    return self.ask_at(&host, command);
                }
                Fault::FunctionMissing => self.load()?,
                Fault::TryAgain if waited < self.timeout => {
                    let pause = Duration::from_millis(TRY_AGAIN_MS << turns.min(5));
                    thread::sleep(pause);
                    waited += pause;
                }
                _ => return Err(self.doubted(failure)),
            }
            if self.sent_to.is_some() {
                self.connection = None;
            }
            self.send(command)?;
        }
    }

    fn receive<T: FromRedisValue>(&mut self) -> RedisResult<T> {
        let Some(Connected { connection, .. }) = &mut self.connection else {
            return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
        };
        let answer = connection.recv_response()?.extract_error()?;
        Ok(T::from_redis_value(answer)?)
    }

    /// After a failure that leaves anything in doubt the next call connects anew, so that no answer is ever taken for that
    /// of another command, and asks again who the primary is.
    fn doubted(&mut self, failure: Failure) -> Failure {
        if failure.fault.leaves_doubt() {
            self.connection = None;
            self.sent_to = None;
        }
        failure
    }

    fn redirected(&mut self, error: &RedisError) -> Result<Host, Failure> {
        let by = self.connection.as_ref().map(|connected| connected.host.clone());
        let host = by.zip(error.redirect_node()).and_then(|(by, (to, _))| Host::redirected(to, &by));
        host.ok_or_else(|| self.doubted(Failure::calling(error)))
    }

    /// Asks the server that a slot is on its way to, for this once.
    fn ask_at<T: FromRedisValue>(&self, host: &Host, command: &Cmd) -> Result<T, Failure> {
        let info = self.locator.server(host);
        let mut connection = open(info, self.timeout).map_err(|error| Failure::connecting(&error))?;
        self.check(&mut connection)?;
        let mut loaded = false;
        loop {
            cmd("ASKING").query::<()>(&mut connection).map_err(|error| Failure::connecting(&error))?;
            let failure = match command.query(&mut connection) {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure::calling(&error),
            };
            match failure.fault {
                Fault::FunctionMissing if !loaded => load(&mut connection)?,
                _ => return Err(failure),
            }
            loaded = true;
        }
    }

    fn load(&mut self) -> Result<(), Failure> {
        let Connected { connection, .. } = self.connected()?;
        load(connection).map_err(|failure| self.doubted(failure))
    }

    fn connected(&mut self) -> Result<&mut Connected, Failure> {
        if self.connection.is_none() {
            let host = match self.sent_to.take() {
                Some(host) => host,
                None => self.locator.primary()?,
            };
            let info = self.locator.server(&host);
            let mut connection = open(info, self.timeout).map_err(|error| Failure::connecting(&error))?;
            let run = self.check(&mut connection)?;
            self.connection = Some(Connected { host, connection, run });
        }
        Ok(self.connection.as_mut().expect("made above"))
    }

    /// Whether it is a primary, and keeps what is asked for. Answers what it calls its present life, if anything is asked for.
    fn check(&self, connection: &mut Connection) -> Result<String, Failure> {
        locate::primary_only(connection)?;
        let Some(durability) = self.vow else { return Ok(String::new()) };
        let settings = Settings::read(connection, self.locator.url())?;
        settings.check(durability)?;
        Ok(settings.run)
    }
}

fn load(connection: &mut Connection) -> Result<(), Failure> {
    let loaded = cmd("FUNCTION").arg("LOAD").arg("REPLACE").arg(&LIBRARY.code).query(connection);
    // Whatever came of it, what was to be called has not been called.
    loaded.map_err(|error| Failure::connecting(&error))
}

/// A connection whose every answer may take so long.
pub(super) fn open(info: ConnectionInfo, timeout: Duration) -> RedisResult<Connection> {
    let connection = Client::open(info)?.get_connection_with_timeout(timeout)?;
    connection.set_read_timeout(Some(timeout))?;
    connection.set_write_timeout(Some(timeout))?;
    Ok(connection)
}
