//! The project's commands. `./x` calls this; `./x help` lists them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks")]

use std::process::ExitCode;

mod engine;
mod python;
mod readme;
mod shell;
mod steps;
mod test;

use shell::Outcome;

const USAGE: &str = "\
usage: ./x COMMAND

  setup                    make .venv with everything the tests of the Python package need
  run [--devices N]        build the Python package (release) and run its demo
  test [PART...]           everything CI checks, or parts of it: format lint rust docs python readme
  bench [FILTER]           measure; FILTER is a part of a benchmark's name
  compare [OPTION...]      measure it beside DuckDB and Polars; `./x compare --help` has the options
  memory                   show what a twin costs after an import and after a million changes
  fuzz TARGET [SECONDS]    look for inputs that break a parser; targets are in fuzz/fuzz_targets
  golden                   rewrite tests/golden from what the engine answers now
  ci                       the same as test
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nx: {message}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["setup"] => python::environment(python::Purpose::Test).map(drop),
        ["run", demo @ ..] => engine::run(demo),
        ["test" | "ci", parts @ ..] => test::run(parts),
        ["bench", filter @ ..] => engine::bench(filter),
        ["compare", options @ ..] => engine::compare(options),
        ["memory"] => engine::memory(),
        ["fuzz", target] => engine::fuzz(target, "60"),
        ["fuzz", target, seconds] => engine::fuzz(target, seconds),
        ["golden"] => engine::golden(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no such command: {}\n\n{USAGE}", other.join(" "))),
    }
}
