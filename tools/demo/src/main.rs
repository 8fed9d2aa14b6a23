//! Scenes of continuous delivery on one machine, without a cluster: real processes of both services behind small
//! balancers, told step by step, with the release view to watch.

mod free;
mod recorder;
mod scenes;
mod stage;
mod terminal;

use std::{io::IsTerminal as _, process::ExitCode};

use anstream::println;
use clap::{Parser, ValueEnum};

use recorder::RecordingFile;
use stage::Stage;

/// Play a scene: real processes on this machine, the release view in the browser
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo", bin_name = "cargo xtask demo", version, max_term_width = 100)]
struct Arguments {
    /// What is played
    scene: Scene,

    /// Wait for Enter before each step
    #[arg(long)]
    step: bool,

    /// Open the release view in a browser
    #[arg(long)]
    open: bool,

    /// How long each step can be watched, in seconds, where --step does not wait
    #[arg(long, default_value_t = 12, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pace: u64,

    /// Record what the release view sees: in a file that any view opens (.json), or in a page that plays it without a
    /// shop (.html)
    #[arg(long, value_name = "FILE")]
    record: Option<RecordingFile>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scene {
    /// A good release, from none of the traffic to all of it
    Canary,
    /// A release that fails, found by its shoppers and taken back
    Rollback,
    /// Each release that is bad on purpose, and what stops it
    BadRelease,
    /// One URL, three versions of the API: the client says which
    MediaType,
    /// No scene: keys of the terminal, or words in lines, set the share and break things
    Free,
}

/// Leaves the stage as it is, with the view open on it, until somebody has seen enough.
async fn stay() {
    if !std::io::stdin().is_terminal() {
        return;
    }
    println!("\n\x1b[1mEnter takes the stage down.\x1b[0m");
    // Not the runtime's: it would wait for the reader at its end.
    let (sender, enter) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        let _ = sender.send(());
    });
    tokio::select! {
        _ = enter => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut stage = Stage::set(arguments.step, arguments.open, arguments.pace).await;
    if let Some(file) = arguments.record {
        let scene = arguments.scene.to_possible_value().expect("none is left out");
        stage.record(file, scene.get_name());
    }
    let played = async {
        match arguments.scene {
            Scene::Canary => scenes::canary(&mut stage).await,
            Scene::Rollback => scenes::rollback(&mut stage).await,
            Scene::BadRelease => scenes::bad_release(&mut stage).await,
            Scene::MediaType => scenes::media_type(&mut stage).await,
            Scene::Free => free::free(&mut stage).await,
        }
    };
    let result = tokio::select! {
        result = played => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // Also what was interrupted, or did not go as told.
    let result = result.and(stage.finish_recording().await);
    match result {
        Ok(()) => {
            stay().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
