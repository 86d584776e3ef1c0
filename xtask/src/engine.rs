//! The commands besides the tests: run, bench, memory, compare, fuzz, golden.

use std::fs;
use std::process::Command;

use crate::python::{Profile, Purpose, environment};
use crate::shell::{Outcome, cargo, output, root, run as run_command};

/// `./x run`: from a fresh checkout to the demo's output.
pub(crate) fn run(demo: &[&str]) -> Outcome {
    let environment = environment(Purpose::Build)?;
    environment.develop(Profile::Release)?;
    run_command(environment.python().args(["-m", "twincast.demo"]).args(demo))
}

/// `./x bench`.
pub(crate) fn bench(filter: &[&str]) -> Outcome {
    run_command(cargo("bench --locked --package twincast-benches --bench engine --").args(filter))
}

/// `./x compare`: the package as users get it, beside other systems.
pub(crate) fn compare(options: &[&str]) -> Outcome {
    let environment = environment(Purpose::Compare)?;
    environment.install_wheel()?;
    let mut command = environment.python();
    command.current_dir(root().join("benches")).args(["-m", "compare"]).args(options);
    run_command(&mut command)
}

/// `./x memory`.
pub(crate) fn memory() -> Outcome {
    run_command(&mut cargo("bench --locked --package twincast-benches --bench memory"))
}

/// `./x golden`: rewrites, then shows what changed, since that is what a reviewer reads.
pub(crate) fn golden() -> Outcome {
    run_command(
        cargo("test --locked --package twincast-tests --test it -- golden").env("UPDATE", "1"),
    )?;
    run_command(Command::new("git").current_dir(root()).args(["diff", "--stat", "tests/golden"]))
}

/// `./x fuzz`: by cargo-fuzz where it is installed, else by the driver of the tests.
pub(crate) fn fuzz(target: &str, seconds: &str) -> Outcome {
    if !root().join("fuzz/fuzz_targets").join(format!("{target}.rs")).exists() {
        return Err(format!("no target `{target}`; there are: {}", targets()?.join(", ")));
    }
    let seconds: u64 =
        seconds.parse().map_err(|_| format!("`{seconds}` is not a whole number of seconds"))?;
    if output(&mut cargo("fuzz --version")).is_err() {
        // In the dev profile: slower, but overflow checks and assertions are on.
        println!("cargo-fuzz is not installed; using random changes of fuzz/seeds instead");
        let mut command = cargo("test --locked --package twincast-tests --test it --");
        command.args([&format!("fuzz::{target}"), "--exact", "--nocapture"]);
        return run_command(command.env("TWINCAST_FUZZ_SECONDS", seconds.to_string()));
    }
    let corpus = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus)
        .map_err(|error| format!("cannot make {}: {error}", corpus.display()))?;
    // Without a sanitizer it runs on stable Rust; without one it also does not see through
    // comparisons of strings, which is what the dictionary is for.
    let mut command = cargo("fuzz run --sanitizer none");
    command.arg(target).arg(corpus).arg(root().join("fuzz/seeds").join(target));
    command.arg("--").arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-dict={}", root().join("fuzz/dictionary.txt").display()));
    run_command(&mut command)
}

fn targets() -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}
