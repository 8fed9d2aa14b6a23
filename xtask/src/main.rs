//! The commands of this repository: `cargo xtask`.

#![expect(clippy::print_stdout, reason = "a command speaks to the person who runs it")]

mod bench;
mod classroom;
mod contract;
mod demo;
mod docker;
mod engine;
mod footprint;
mod images;
mod measure;
mod publish;
mod screenshots;
mod shop;
mod soak;
mod test;
mod tutorial;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    Bench(bench::Bench),
    Classroom(classroom::Classroom),
    Contract(contract::Contract),
    Demo(demo::Demo),
    Footprint(footprint::Footprint),
    Measure(measure::Measure),
    Publish(publish::Publish),
    Screenshots(screenshots::Screenshots),
    Shop(shop::Shop),
    Soak(soak::Soak),
    Test(test::Test),
    Tutorial(tutorial::Tutorial),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Bench(bench) => bench.run(),
        Command::Classroom(classroom) => classroom.run(),
        Command::Contract(contract) => contract.run(),
        Command::Demo(demo) => demo.run(),
        Command::Footprint(footprint) => footprint.run(),
        Command::Measure(measure) => measure.run(),
        Command::Publish(publish) => publish.run(),
        Command::Screenshots(screenshots) => screenshots.run(),
        Command::Shop(shop) => shop.run(),
        Command::Soak(soak) => soak.run(),
        Command::Test(test) => test.run(),
        Command::Tutorial(tutorial) => tutorial.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
