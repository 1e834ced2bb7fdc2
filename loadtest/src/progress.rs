//! What is shown while it runs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, hidden when that is no terminal.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for the run called `title`.
    pub fn new(title: &str) -> Self {
        let style = ProgressStyle::with_template("{prefix:>10.bold} {msg:<24} {bar:30} {pos}/{len} {elapsed}")
            .expect("the template is a constant")
            .progress_chars("█▉▊▋▌▍▎▏ ");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(title.to_owned());
        Self { bar }
    }

    /// No bar, for what runs beside something that has one.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// Starts the next stage, of `steps` steps.
    pub fn stage(&self, name: &str, steps: u64) {
        self.bar.set_message(name.to_owned());
        self.bar.set_length(steps);
        self.bar.set_position(0);
    }

    /// One step further.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Shows how much of the measured time has passed, and the throughput.
    pub fn measured(&self, passed: Duration, rate_per_s: f64) {
        self.bar.set_position(passed.as_millis() as u64);
        self.bar.set_message(format!("{rate_per_s:.0} op/s"));
    }

    /// Says something above the bar, or on standard error where there is none.
    pub fn say(&self, words: &str) {
        match self.bar.is_hidden() {
            true => eprintln!("{words}"),
            false => self.bar.println(words),
        }
    }

    /// Takes the bar away.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
