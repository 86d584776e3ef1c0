//! `./x test`: all that CI checks, in an order that fails early.
//!
//! One target folder and the dev profile serve every step but the last: lints and docs share what
//! is checked, tests, benchmarks and the Python package share what is compiled, but for the few
//! crates in which benchmarks switch on more features (20 s). The last step runs the README's own
//! commands, and with them the one release build, so that CI has done what a new user does.

use crate::python::{Environment, Profile, Purpose, environment};
use crate::readme;
use crate::shell::{Outcome, cargo, root, run as run_command};
use crate::steps::Steps;

const PARTS: [&str; 6] = ["format", "lint", "rust", "docs", "python", "readme"];

/// Runs the parts named, or all.
pub(crate) fn run(parts: &[&str]) -> Outcome {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(part)) {
        return Err(format!("no part `{unknown}`; there are: {}", PARTS.join(", ")));
    }
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let mut steps = Steps::default();
    // First, because compiling the package needs an interpreter to ask what it is compiled for.
    let mut python = None;
    steps.step("environment", || {
        python = Some(environment(Purpose::Test)?);
        Ok(())
    })?;
    let python = python.expect("the step above would have failed");

    if wanted("format") {
        steps.step("format", format)?;
    }
    if wanted("lint") {
        let line = "clippy --locked --workspace --all-targets -- -D warnings";
        steps.step("lint", || run_command(&mut python.cargo(line)))?;
    }
    if wanted("docs") {
        let mut command = python.cargo("doc --locked --workspace --no-deps");
        steps.step("docs", || run_command(command.env("RUSTDOCFLAGS", "-D warnings")))?;
    }
    if wanted("rust") {
        // Unit, integration and house tests, short fuzzing, doc examples, each benchmark once.
        let line = "test --locked --workspace";
        steps.step("rust tests", || run_command(&mut python.cargo(line)))?;
    }
    if wanted("python") {
        python_steps(&mut steps, &python)?;
    }
    if wanted("readme") {
        steps.step("commands and examples of the README", || readme::check(&python))?;
    }
    steps.summary();
    Ok(())
}

fn format() -> Outcome {
    run_command(&mut cargo("fmt --all --check"))?;
    run_command(&mut cargo("fmt --manifest-path fuzz/Cargo.toml --check"))
}

fn python_steps(steps: &mut Steps, python: &Environment) -> Outcome {
    let module = |words: &str| {
        let mut command = python.python_in_package();
        run_command(command.arg("-m").args(words.split_whitespace()))
    };
    steps.step("python format and lint", || {
        module("ruff format --check . ../benches/compare")?;
        module("ruff check . ../benches/compare")
    })?;
    // Without the systems that it compares with, which only `./x compare` installs.
    steps.step("types of benches/compare", || {
        let words = "-m mypy --config-file compare/pyproject.toml -p compare";
        let mut command = python.python();
        run_command(command.current_dir(root().join("benches")).args(words.split_whitespace()))
    })?;
    steps.step("python build", || python.develop(Profile::Dev))?;
    // The types are among the tests.
    steps.step("python tests", || module("pytest"))
}
