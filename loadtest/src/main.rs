//! `liveroom-loadtest`: asks, measures, prints, and ends with a status that says whether everything held.

use std::process::ExitCode;

use clap::Parser;
use liveroom_loadtest::cli::{Cli, Command};
use liveroom_loadtest::{limit, scenario};

fn main() -> ExitCode {
    let held = match Cli::parse().command {
        Command::Rain(load) => scenario::run(scenario::Shape::Rain, &load),
        Command::Sale(load) => scenario::run(scenario::Shape::Sale, &load),
        Command::Broadcast(load) => scenario::run(scenario::Shape::Broadcast, &load),
        Command::Idle(load) => scenario::run(scenario::Shape::Idle, &load),
        Command::Mixed(load) => scenario::run(scenario::Shape::Mixed, &load),
        Command::Limit(args) => limit::run(&args),
        Command::Bare(args) => limit::bare::run(&args).map(|()| true),
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("liveroom-loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}
