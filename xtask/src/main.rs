//! The commands of this repository: `cargo xtask`.

#![expect(clippy::print_stdout, reason = "a command speaks to the person who runs it")]

mod class;
mod docker;
mod engine;
mod footprint;
mod images;
mod publish;
mod shop;
mod test;
mod tool;
mod tutorial;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use tool::Arguments;

/// The commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
enum Command {
    /// Measure processor time a request, against a bare axum server, nginx and json-server, in about five minutes; or, with
    /// `--instructions`, count instructions by valgrind
    #[command(disable_help_flag = true)]
    Bench(Arguments),

    Class(class::Class),

    /// Start a stand-in for a cluster, for the tutorial with nothing but kubectl: `cargo xtask classroom --students 20`
    #[command(disable_help_flag = true)]
    Classroom(Arguments),

    /// Run the contract of the product API against a running server: `cargo xtask contract URL`
    #[command(disable_help_flag = true)]
    Contract(Arguments),

    /// Play a scene on this machine: `cargo xtask demo canary|rollback|bad-release|media-type`
    #[command(disable_help_flag = true)]
    Demo(Arguments),

    Footprint(footprint::Footprint),

    Publish(publish::Publish),

    /// Make the pictures of the README and of the tutorial and the contact sheets, and measure the pages' speed
    #[command(disable_help_flag = true)]
    Screenshots(Arguments),

    Shop(shop::Shop),

    /// Shop under faults, with an oracle that remembers what shoppers were promised
    #[command(disable_help_flag = true)]
    Soak(Arguments),

    Test(test::Test),

    Tutorial(tutorial::Tutorial),

    /// Measure what the release view costs over ten minutes, in memory and processor time
    #[command(disable_help_flag = true)]
    ViewCost(Arguments),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Bench(arguments) => tool::BENCH.run(&arguments),
        Command::Class(class) => class.run(),
        Command::Classroom(arguments) => tool::CLASSROOM.run(&arguments),
        Command::Contract(arguments) => tool::CONTRACT.run(&arguments),
        Command::Demo(arguments) => tool::DEMO.run(&arguments),
        Command::Footprint(footprint) => footprint.run(),
        Command::Publish(publish) => publish.run(),
        Command::Screenshots(arguments) => tool::SCREENSHOTS.run(&arguments),
        Command::Shop(shop) => shop.run(),
        Command::Soak(arguments) => tool::SOAK.run(&arguments),
        Command::Test(test) => test.run(),
        Command::Tutorial(tutorial) => tutorial.run(),
        Command::ViewCost(arguments) => tool::VIEW_COST.run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
