//! The bare server in a process of its own, so that its CPU and memory are told apart from the tester's.
//!
//! It prints the address it listens on, obeys bytes on its standard input, and ends when that ends: a tester that dies
//! takes it along.

use std::io::{self, BufRead, BufReader, PipeWriter, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use clap::ValueEnum;

use crate::cli::BareShape;
use crate::gauge::Gauge;

/// A running bare server.
#[derive(Debug)]
pub struct BareServer {
    child: Child,
    orders: PipeWriter,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it costs.
    pub gauge: Gauge,
}

impl BareServer {
    /// Starts one.
    pub fn start(shape: BareShape, core: Option<usize>) -> anyhow::Result<Self> {
        let value = shape.to_possible_value().context("every shape has a name")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", value.get_name()]);
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the bare server")?;
        let stdin = child.stdin.take().context("its input is piped")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("the bare server did not start")?;
        Ok(Self { orders: OwnedFd::from(stdin).into(), gauge: Gauge::on(child.id())?, child, address })
    }

    /// Where rounds are ordered.
    pub fn orders(&self) -> anyhow::Result<Orders> {
        Ok(Orders(self.orders.try_clone()?))
    }
}

/// Orders rounds to everybody, one byte each. It blocks when the bare server is thousands of rounds behind.
#[derive(Debug)]
pub struct Orders(PipeWriter);

impl Orders {
    /// Orders one round.
    pub fn round(&mut self) -> io::Result<()> {
        self.0.write_all(b"r")
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        // It is ours, it holds nothing, and it may be too busy to notice the end of its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
