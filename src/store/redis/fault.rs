//! What can go wrong between a node and Redis, and what it means for a batch: one table, without a wildcard.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

/// Everything that can come instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No connection was made: nothing was sent.
    Unreachable,
    /// The user or the password is wrong, or there is none.
    NotAuthenticated,
    /// The user may not do this.
    NotPermitted,
    /// `LOADING`: Redis reads its data set.
    Loading,
    /// `READONLY`: a replica.
    ReadOnly,
    /// `NOREPLICAS`: fewer replicas than `min-replicas-to-write`.
    NoReplicas,
    /// `OOM`: above `maxmemory`.
    OutOfMemory,
    /// `BUSY`: another script runs too long.
    Busy,
    /// `MISCONF`: Redis can't write its own files.
    Misconfigured,
    /// `MASTERDOWN`: a replica without its primary.
    MasterDown,
    /// `TRYAGAIN`: a slot is on its way.
    TryAgain,
    /// The functions are not there: flushed, or a new server.
    FunctionMissing,
    /// `MOVED`: another primary has the slot.
    Moved,
    /// `ASK`: what is asked for is on its way to another primary, which has it already.
    Asking,
    /// `CLUSTERDOWN`, or nobody has the slot.
    ClusterDown,
    /// A cluster was named, and this is none.
    NoCluster,
    /// `OTHERRULES`: the log is decided by another version of the rules, or within other bounds.
    OtherRules,
    /// `NOTSTEWARD`: what only the steward may write.
    NotSteward,
    /// Redis is set to keep less than was asked for.
    Weaker,
    /// No answer in time, or the connection broke after something was sent.
    NoAnswer,
    /// Fewer replicas than asked for have what was written.
    TooFewReplicas,
    /// An answer that is none.
    Garbled,
    /// `CONVENE`: the server was restarted or has taken over, and not all nodes have said yet what they know.
    Convene,
    /// `POORER`: the log is shorter than it was, or another one.
    Poorer,
    /// `TRIMMED`: this node was away for longer than the log is kept.
    Trimmed,
    /// `STRANGER`, `OUTOFTURN`, `DAMAGED`: what Redis knows of this node or of the log can't be.
    Inconsistent,
    /// The function failed where it can't, or Redis refused what it has no reason to refuse.
    Failed,
}

/// What a fault means for the batch that was to be appended; the worse the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Redis refused it at the door: nothing was written.
    NotDone,
    /// It may have been written: the same batch is asked for again until there is an answer.
    Unknown,
    /// Nothing was written, and nothing may be granted any more: decisions are missing that were acknowledged.
    Stop,
    /// This process can't go on with this log. A restart finds out what was written.
    Fatal,
}

impl Fault {
    /// What it means.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Unreachable
            | Self::NotAuthenticated
            | Self::NotPermitted
            | Self::Loading
            | Self::ReadOnly
            | Self::NoReplicas
            | Self::OutOfMemory
            | Self::Busy
            | Self::Misconfigured
            | Self::MasterDown
            | Self::TryAgain
            | Self::Moved
            | Self::Asking
            | Self::ClusterDown
            | Self::NoCluster
            | Self::FunctionMissing
            | Self::OtherRules
            | Self::NotSteward
            | Self::Convene
            | Self::Weaker => Verdict::NotDone,
            Self::NoAnswer | Self::TooFewReplicas | Self::Garbled => Verdict::Unknown,
            Self::Poorer => Verdict::Stop,
            Self::Trimmed | Self::Inconsistent | Self::Failed => Verdict::Fatal,
        }
    }

    /// Whether the connection is not to be used again: the answer may still come, or another server may be the primary by
    /// now.
    pub(super) const fn leaves_doubt(self) -> bool {
        match self {
            Self::Unreachable
            | Self::NotAuthenticated
            | Self::Loading
            | Self::ReadOnly
            | Self::MasterDown
            | Self::Moved
            | Self::Asking
            | Self::ClusterDown
            | Self::NoCluster
            | Self::Weaker
            | Self::NoAnswer
            | Self::Garbled => true,
            Self::NotPermitted
            | Self::NoReplicas
            | Self::OutOfMemory
            | Self::Busy
            | Self::Misconfigured
            | Self::TryAgain
            | Self::FunctionMissing
            | Self::OtherRules
            | Self::NotSteward
            | Self::TooFewReplicas
            | Self::Convene
            | Self::Poorer
            | Self::Trimmed
            | Self::Inconsistent
            | Self::Failed => false,
        }
    }

    /// What a failed attempt to connect comes to: nothing was sent.
    pub(super) fn of_connecting(error: &RedisError) -> Self {
        match Self::of(error) {
            Self::NoAnswer | Self::Garbled => Self::Unreachable,
            fault => fault,
        }
    }

    /// What a failed call comes to.
    pub(super) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => Self::NoAnswer,
            ErrorKind::AuthenticationFailed => Self::NotAuthenticated,
            ErrorKind::Server(kind) => Self::of_server(kind, error.detail().unwrap_or_default()),
            ErrorKind::Extension => Self::of_code(error.code().unwrap_or_default()),
            // Also whatever later versions of the client add: what is not understood may have been written.
            _ => Self::Garbled,
        }
    }

    fn of_server(kind: ServerErrorKind, detail: &str) -> Self {
        match kind {
            ServerErrorKind::BusyLoading => Self::Loading,
            ServerErrorKind::ReadOnly => Self::ReadOnly,
            ServerErrorKind::MasterDown => Self::MasterDown,
            ServerErrorKind::TryAgain => Self::TryAgain,
            ServerErrorKind::NoPerm => Self::NotPermitted,
            ServerErrorKind::NoScript => Self::FunctionMissing,
            ServerErrorKind::ResponseError if detail.starts_with("Function not found") => Self::FunctionMissing,
            ServerErrorKind::ResponseError if detail.contains("without any password configured") => {
                Self::NotAuthenticated
            }
            ServerErrorKind::Moved => Self::Moved,
            ServerErrorKind::Ask => Self::Asking,
            ServerErrorKind::ClusterDown => Self::ClusterDown,
            _ => Self::Failed,
        }
    }

    /// Codes that the client has no kind for: Redis' own, and those of `log.lua`.
    fn of_code(code: &str) -> Self {
        match code {
            "NOREPLICAS" => Self::NoReplicas,
            "OOM" => Self::OutOfMemory,
            "BUSY" => Self::Busy,
            "MISCONF" => Self::Misconfigured,
            "NOAUTH" | "WRONGPASS" => Self::NotAuthenticated,
            "OTHERRULES" => Self::OtherRules,
            "CONVENE" => Self::Convene,
            "POORER" => Self::Poorer,
            "TRIMMED" => Self::Trimmed,
            "NOTSTEWARD" => Self::NotSteward,
            // A wait for replicas that ended because the primary is one no more.
            "UNBLOCKED" => Self::NoAnswer,
            "STRANGER" | "OUTOFTURN" | "DAMAGED" => Self::Inconsistent,
            _ => Self::Failed,
        }
    }
}

/// A fault, and what was said with it.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub struct Failure {
    /// What it is.
    pub fault: Fault,
    said: String,
}

impl Failure {
    pub(super) fn new(fault: Fault, said: impl Into<String>) -> Self {
        Self { fault, said: said.into() }
    }

    pub(super) fn connecting(error: &RedisError) -> Self {
        Self::new(Fault::of_connecting(error), format!("no connection to Redis: {error}"))
    }

    pub(super) fn calling(error: &RedisError) -> Self {
        Self::new(Fault::of(error), format!("Redis: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use ::redis::parse_redis_value;

    use super::*;

    fn said(line: &str) -> RedisError {
        let value = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        value.extract_error().unwrap_err()
    }

    #[test]
    fn every_error_that_redis_says_has_its_meaning() {
        use Verdict::{Fatal, NotDone, Stop, Unknown};
        for (line, fault, verdict) in [
            ("LOADING Redis is loading the dataset in memory", Fault::Loading, NotDone),
            ("READONLY You can't write against a read only replica.", Fault::ReadOnly, NotDone),
            ("NOREPLICAS Not enough good replicas to write.", Fault::NoReplicas, NotDone),
            ("OOM command not allowed when used memory > 'maxmemory'.", Fault::OutOfMemory, NotDone),
            ("BUSY Redis is busy running a script.", Fault::Busy, NotDone),
            ("MISCONF Errors writing to the AOF file", Fault::Misconfigured, NotDone),
            ("MASTERDOWN Link with MASTER is down", Fault::MasterDown, NotDone),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Fault::TryAgain, NotDone),
            ("NOSCRIPT No matching script.", Fault::FunctionMissing, NotDone),
            ("ERR Function not found", Fault::FunctionMissing, NotDone),
            ("MOVED 3999 127.0.0.1:6381", Fault::Moved, NotDone),
            ("ASK 3999 127.0.0.1:6381", Fault::Asking, NotDone),
            ("CLUSTERDOWN The cluster is down", Fault::ClusterDown, NotDone),
            ("CROSSSLOT Keys in request don't hash to the same slot", Fault::Failed, Fatal),
            ("NOAUTH Authentication required.", Fault::NotAuthenticated, NotDone),
            ("WRONGPASS invalid username-password pair", Fault::NotAuthenticated, NotDone),
            ("NOPERM this user has no permissions", Fault::NotPermitted, NotDone),
            ("OTHERRULES the log is decided by …", Fault::OtherRules, NotDone),
            ("NOTSTEWARD another node may be the steward by now", Fault::NotSteward, NotDone),
            ("UNBLOCKED force unblock from blocking operation", Fault::NoAnswer, Unknown),
            ("CONVENE this server was restarted", Fault::Convene, NotDone),
            ("POORER the log is gone", Fault::Poorer, Stop),
            ("TRIMMED the batch after 7 is not kept any more", Fault::Trimmed, Fatal),
            ("STRANGER this node is not known any more", Fault::Inconsistent, Fatal),
            ("OUTOFTURN batch 7 does not follow batch 3", Fault::Inconsistent, Fatal),
            ("DAMAGED there is a part of a log", Fault::Inconsistent, Fatal),
            ("EXECABORT Transaction discarded", Fault::Failed, Fatal),
            ("WRONGTYPE Operation against a key", Fault::Failed, Fatal),
            ("ERR anything else", Fault::Failed, Fatal),
        ] {
            let found = Fault::of(&said(line));
            assert_eq!((found, found.verdict()), (fault, verdict), "{line}");
        }
        assert_eq!(Fault::TooFewReplicas.verdict(), Unknown);
    }

    #[test]
    fn a_broken_connection_says_nothing_of_what_was_sent() {
        use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        for kind in [BrokenPipe, ConnectionReset, TimedOut, WouldBlock, UnexpectedEof, ConnectionRefused] {
            let error = RedisError::from(io::Error::from(kind));
            assert_eq!(Fault::of(&error).verdict(), Verdict::Unknown, "{kind}");
            assert_eq!(Fault::of_connecting(&error).verdict(), Verdict::NotDone, "{kind}");
        }
        let garbled = RedisError::from((ErrorKind::UnexpectedReturnType, "not an array"));
        assert_eq!(Fault::of(&garbled).verdict(), Verdict::Unknown);
    }
}
