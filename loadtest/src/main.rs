//! `liveroom-loadtest`: asks, measures, prints, and ends with a status that says whether everything held.

use std::process::ExitCode;

use clap::Parser;
use liveroom_loadtest::cli::{Cli, Command};
use liveroom_loadtest::{limit, scenario};

fn main() -> ExitCode {
    let held = match Cli::parse().command {
        Command::Rain(rain) => scenario::rain(&rain),
        Command::Sale(sale) => scenario::sale(&sale),
        Command::Coupons(load) => scenario::coupons(&load),
        Command::Broadcast(broadcast) => scenario::broadcast(&broadcast),
        Command::Idle(load) => scenario::idle(&load),
        Command::Talk(load) => scenario::talk(&load),
        Command::Draws(load) => scenario::draws(&load),
        Command::Bots(bots) => scenario::bots(&bots),
        Command::Mixed(mixed) => scenario::mixed(&mixed),
        Command::WatchTask(load) => scenario::watch_task(&load),
        Command::CheckIn(load) => scenario::check_in(&load),
        Command::Gifts(load) => scenario::gifts(&load),
        Command::Enrolment(load) => scenario::enrolment(&load),
        Command::Bags(load) => scenario::bags(&load),
        Command::Template(load) => scenario::template(&load),
        Command::Campaign(load) => scenario::campaign(&load),
        Command::Experiment(load) => scenario::experiment(&load),
        Command::Show(args) => scenario::show(&args),
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
