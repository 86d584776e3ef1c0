//! Steps with headings and times, so that a log of CI reads as a list.

use std::time::{Duration, Instant};

use crate::shell::Outcome;

/// What was done so far, and how long each of it took.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// Does one step. The first that fails ends the whole command.
    #[expect(clippy::disallowed_methods, reason = "a real duration is what is shown")]
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Outcome) -> Outcome {
        println!("\n=== {name} ===");
        let started = Instant::now();
        work().map_err(|message| format!("step `{name}` failed: {message}"))?;
        let took = started.elapsed();
        println!("--- {name}: {:.1} s", took.as_secs_f64());
        self.done.push((name, took));
        Ok(())
    }

    /// Prints the list.
    pub(crate) fn summary(&self) {
        println!("\n=== all steps passed ===");
        for (name, took) in &self.done {
            println!("{:8.1} s  {name}", took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, took)| *took).sum();
        println!("{:8.1} s  together", total.as_secs_f64());
    }
}
