//! `sava-contract URL`: does the server at this URL keep the contract of the product API?

use std::{
    io::{IsTerminal as _, stdout},
    path::PathBuf,
    process::ExitCode,
};

use anstream::{eprintln, print, println};
use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use sava_contract::{Report, Server, rules};

/// The release of the runner, which its image bears.
const VERSION: &str = "3.0.0";

/// Run the contract of the product API against a running server.
///
/// Prints a line for each rule, or on a terminal for each part of the contract, and the broken rules last. Exit code 0: every rule is kept; 1: one is broken; 2: the server cannot be
/// reached, or an argument is wrong.
#[derive(Parser, Debug)]
#[command(name = "sava-contract", version = VERSION, max_term_width = 100)]
struct Arguments {
    /// Base URL of the API, any path prefix included, such as <http://localhost:9070> or
    /// <http://localhost:8001/api/v1/namespaces/NS/services/sava-product:9070/proxy/>
    #[arg(required_unless_present = "list")]
    url: Option<String>,

    /// The release whose promises the server is held to [default: what its /version says]
    #[arg(long)]
    release: Option<String>,

    /// The store to look at [default: the first that /products lists]
    #[arg(long)]
    locale: Option<String>,

    /// Only the rules whose name begins so, such as negotiation or query/page
    #[arg(long = "rule", value_name = "PREFIX")]
    prefixes: Vec<String>,

    /// Form of the report on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// A line for each rule on a terminal, too
    #[arg(long, short)]
    verbose: bool,

    /// Write a report in the form of `JUnit`, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Print the rules and what each promises, and ask nothing
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sava-contract: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is kept.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let rules = rules::named(&arguments.prefixes)?;
    let Some(url) = arguments.url.as_deref().filter(|_| !arguments.list) else {
        for rule in rules {
            println!("{:42} {}", rule.id, rule.promise);
        }
        return Ok(true);
    };
    let server = Server::find(url, arguments.release.as_deref(), arguments.locale.as_deref())?;
    let report = Report::of(url, &server, &rules);
    match arguments.format {
        Format::Text if stdout().is_terminal() && !arguments.verbose => print!("{}", report.summary()),
        Format::Text => print!("{}", report.text()),
        Format::Json => println!("{:#}", report.json()),
    }
    if let Some(file) = &arguments.junit {
        std::fs::write(file, report.junit()?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report.counts().failed == 0)
}
